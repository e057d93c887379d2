"""A generation's events on the screen: text into the transcript, numbers into bar and status line.

Draws what it is told; starts, stops and keeps nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ...events import ContextShifted, Event, Finished, PrefillProgress, Replayed, TextDelta
from ..meter import Meter
from .status import Context, PrefillBar, Speed, StatusLine
from .transcript import Transcript
from .turn_view import why_ended

Clock = Callable[[], float]


class Painter:
    """For one chat screen; ``begin``, then ``feed`` as events come, then ``end``."""

    def __init__(
        self,
        transcript: Transcript,
        status: StatusLine,
        bar: PrefillBar,
        clock: Clock = time.monotonic,
    ) -> None:
        self._transcript, self._status, self._bar, self._clock = transcript, status, bar, clock
        self._meter = Meter()
        self._start = 0.0
        self._first: float | None = None
        self._used = 0
        self._shows_text = True

    def begin(self, kind: str) -> None:
        """A generation has been started: a reply, more of one, or a replay, which shows none."""
        self._meter.begin()
        self._start, self._first = self._clock(), None
        self._shows_text = kind != "replay"
        self._status.speed = Speed()
        self._status.busy = "replaying" if kind == "replay" else "reading"
        view = self._transcript.last_view
        if view and self._shows_text:
            view.wait()

    async def feed(self, events: Iterable[Event]) -> None:
        """Draw some events; the text of all of them is written at once."""
        text, ids = "", 0
        for event in events:
            self._meter.feed(event, self._clock())
            if isinstance(event, TextDelta):
                text += event.text
                ids += len(event.ids)
            elif isinstance(event, PrefillProgress):
                self._bar.draw(event.processed, event.cached, event.total, event.seconds)
                self._use(event.cached + event.processed)
            elif isinstance(event, ContextShifted):
                turns = "turn is" if event.turns == 1 else f"{event.turns} turns are"
                await self._transcript.notice(
                    f"the context was full: the oldest {turns} out of the model's sight "
                    f"({event.tokens:,} tokens)"
                )
            elif isinstance(event, Replayed):
                await self._transcript.notice(
                    "the same reply, token for token"
                    if event.same
                    else f"it differs from token {event.at + 1:,} on"
                )
            elif isinstance(event, Finished):
                self._finish(event)
        if ids:
            await self._write(text, ids)

    async def end(self) -> None:
        """The generation is over, whether or not it came to an end of its own."""
        self._bar.hide()
        self._status.busy = ""
        view = self._transcript.last_view
        if view:
            await view.settle()

    async def _write(self, text: str, ids: int) -> None:
        if self._first is None:
            self._first = self._clock() - self._start
            self._bar.hide()
            self._status.busy = "writing" if self._shows_text else "replaying"
        self._status.speed = Speed(self._meter.rate, self._first)
        self._use(self._used + ids)
        view = self._transcript.last_view
        if view and self._shows_text:
            await view.write(text)

    def _finish(self, event: Finished) -> None:
        timings = event.timings
        first = timings.prompt_ms / 1000 if timings.predicted_n else None
        view = self._transcript.last_view
        reason = why_ended(view.turn) if view and event.reason != "stop" else ""
        self._status.speed = Speed(timings.predicted_per_second, first, reason)

    def _use(self, used: int) -> None:
        self._used = used
        context = self._status.context
        self._status.context = Context(used, context.length, context.draft)
