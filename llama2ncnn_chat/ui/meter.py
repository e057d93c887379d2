"""Measures a generation: progress of the prefill, tokens in the context, speed; in a few words.

Fed with events and the time; draws nothing and knows no face.
"""

from __future__ import annotations

from ..events import Event, Finished, PrefillProgress, TextDelta

FEWEST = 8
"""Tokens that make a rate: that of two is the clock's noise."""


class Meter:
    """One generation at a time; ``begin`` starts another."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget the generation before."""
        self._prefill: PrefillProgress | None = None
        self._first = self._last = 0.0
        self._tokens = 0
        self._rate = 0.0

    def feed(self, event: Event, now: float) -> None:
        """Count in an event that came at that time, in seconds."""
        if isinstance(event, PrefillProgress):
            self._prefill = event
        elif isinstance(event, TextDelta):
            if not self._tokens:
                self._first = now
            self._tokens += len(event.ids)
            self._last = now
        elif isinstance(event, Finished):
            self._rate = event.timings.predicted_per_second

    @property
    def used(self) -> int:
        """Tokens that stand in the context, as far as events have said."""
        return (self._prefill.done if self._prefill else 0) + self._tokens

    @property
    def rate(self) -> float:
        """Tokens a second: so far, or at the end exactly; 0 until there are enough of them."""
        if self._tokens < FEWEST:
            return 0.0
        seconds = self._last - self._first
        return self._rate or (max(0, self._tokens - 1) / seconds if seconds > 0 else 0.0)

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
