"""Draws a generation's events: text in the transcript, numbers in the bar and the status line.

Draws what it is given; starts and stops nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ...chat import phrases
from ...events import (
    ContextShifted,
    Event,
    Finished,
    ModelProgress,
    PrefillProgress,
    ReadAgain,
    Replayed,
    TextDelta,
    TurnAdded,
    TurnFinished,
    TurnRemoved,
)
from ..meter import Meter
from .heat_transcript import HeatTranscript
from .status import Context, PrefillBar, Speed, StatusLine

Clock = Callable[[], float]
ACTIVITIES = {"replay": "replaying", "model": "opening another model"}
"""What is done before any text comes, by the kind of generation."""


class Painter:
    """For one chat screen; ``begin``, then ``feed`` as events come, then ``end``.

    ``added`` are the ids of the turns that the generation has added.
    """

    def __init__(
        self,
        transcript: HeatTranscript,
        status: StatusLine,
        bar: PrefillBar,
        clock: Clock = time.monotonic,
    ) -> None:
        self.added: set[int] = set()
        self._transcript, self._status, self._bar, self._clock = transcript, status, bar, clock
        self._meter = Meter()
        self._start = 0.0
        self._first: float | None = None
        self._shows_text, self._weighs = True, False

    @property
    def has_text(self) -> bool:
        """Whether any text has come."""
        return self._first is not None

    def begin(self, kind: str) -> None:
        """Show that a generation has begun: a reply, more of one, or what shows no text."""
        self.added.clear()
        self._meter.begin()
        self._start, self._first = self._clock(), None
        self._weighs = kind == "weigh"
        self._shows_text = kind in ("reply", "proceed")
        self._status.speed = Speed()
        self._status.activity = ACTIVITIES.get(kind, "reading")
        view = self._transcript.last_view
        if view and kind == "proceed":
            view.show_growing()

    async def feed(self, events: Iterable[Event]) -> None:
        """Draw some events; the text that comes together is written at once."""
        text, ids, now = "", 0, self._clock()  # one time: these are counted, not timed, by drawing
        for event in events:
            self._meter.feed(event, now)
            if isinstance(event, TextDelta):
                text += event.text
                ids += len(event.ids)
                continue
            if ids:  # first: what comes now comes after it
                await self._write(text)
                text, ids = "", 0
            await self._draw(event)
        if ids:
            await self._write(text)

    async def end(self) -> None:
        """Show that it is over, whether or not it came to an end of its own."""
        self._bar.hide()
        self._status.activity = ""
        view = self._transcript.last_view
        if view:
            await view.settle()

    async def _draw(self, event: Event) -> None:
        match event:
            case PrefillProgress():
                self._bar.draw(event)
                self._show_used(self._meter.used)
                if self._weighs:
                    self._transcript.draw_tokens()
            case ModelProgress():
                self._bar.draw_opening(event)
            case TurnAdded(row):
                self.added.add(row.id)
                await self._transcript.add(row)
                view = self._transcript.last_view
                if view and row.role == "assistant":
                    view.show_growing()
            case TurnRemoved(id):
                await self._transcript.remove_turn(id)
            case ContextShifted():
                await self._transcript.hide_before(event.first_visible)
                await self._transcript.add_notice(phrases.shifted(event))
            case ReadAgain():
                self._status.say(phrases.put_otherwise(event))
            case Replayed():
                await self._transcript.add_notice(phrases.replayed(event))
            case TurnFinished():
                await self._transcript.update_turn(event.row)
                self._finish(event, phrases.why_ended(event.row))
                if event.reason == "stop" and not event.ids:
                    await self._transcript.add_notice(phrases.said_nothing(event.row))

    async def _write(self, text: str) -> None:
        if self._first is None:
            self._first = self._clock() - self._start
            self._bar.hide()
            self._status.activity = "writing" if self._shows_text else "replaying"
        self._status.speed = Speed(self._meter.rate, self._first)
        self._show_used(self._meter.used)
        if self._shows_text:
            await self._transcript.write(text)

    def _finish(self, event: Finished, reason: str) -> None:
        timings = event.timings
        first = timings.prompt_ms / 1000 if timings.predicted_n or event.ids else None
        self._status.speed = Speed(self._meter.rate, first, reason)

    def _show_used(self, used: int) -> None:
        context = self._status.context
        self._status.context = Context(used, context.length, context.draft)
