"""Measures a generation: progress of the prefill, tokens in the context, speed; in a few words.

Fed with events and the time; draws nothing and knows no face.
"""

from __future__ import annotations

from ..events import Event, Finished, PrefillProgress, TextDelta

LEAST_TOKENS = 8
"""A rate of fewer tokens says nothing: they may have come together."""


class Meter:
    """One generation at a time; ``begin`` starts another."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget the generation before."""
        self._prefill: PrefillProgress | None = None
        self._first = self._last = 0.0
        self._tokens = self._at_once = 0  # in all, and with the first text
        self._rate = 0.0

    def feed(self, event: Event, now: float) -> None:
        """Count in an event that came at that time, in seconds."""
        if isinstance(event, PrefillProgress):
            self._prefill = event
        elif isinstance(event, TextDelta) and event.are_tokens:
            if not self._tokens:
                self._first = now
            if now == self._first:
                self._at_once += len(event.ids)
            self._tokens += len(event.ids)
            self._last = now
        elif isinstance(event, Finished):
            self._tokens = max(self._tokens, event.timings.predicted_n)  # or nobody has told before
            self._rate = event.timings.predicted_per_second

    @property
    def used(self) -> int:
        """Tokens that stand in the context, as far as events have said."""
        return (self._prefill.done if self._prefill else 0) + self._tokens

    @property
    def rate(self) -> float:
        """Tokens a second: so far, or at the end exactly; 0 while it can't be told yet."""
        seconds = self._last - self._first
        if self._tokens < LEAST_TOKENS:
            return 0.0
        if self._rate or seconds <= 0:
            return self._rate
        return (self._tokens - self._at_once) / seconds

    def reading(self) -> str:
        """Say ``reading 128/512 tokens, 310 tok/s, 2 s left``; nothing when that is done."""
        p = self._prefill
        if p is None or self._tokens:
            return ""
        text = f"reading {p.done:,}/{p.total:,} tokens"
        if p.per_second:
            text += f", {p.per_second:,.0f} tok/s"
        return text + (f", {p.seconds_left:.0f} s left" if p.seconds_left >= 1 else "")

    def speed(self) -> str:
        """Say ``45.2 tok/s``, or nothing yet."""
        return f"{self.rate:,.1f} tok/s" if self.rate else ""
