"""What the line-by-line face prints: notes, refusals, turns, and replies as they stream.

Knows events and turns; where messages come from and what commands mean, it doesn't.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Sequence

from ...conversation.ledger import Turn
from ...events import ContextShifted, Event, Events, Finished, PrefillProgress, Replayed, TextDelta
from ..meter import Meter
from ..terminal import hung, is_terminal, printable
from .markdown import BOLD, DIM, RESET, MarkdownStyler
from .writer import Writer

RED = "\x1b[31m"

LONG_WAIT = 2.0
"""Seconds of reading that are worth a line where nothing can be drawn again."""

WHY = {"cancelled": "stopped", "length": "cut short"}
SHOWN_TURNS = 6


class Screen:
    """``live``: a line below the reply says how it goes. ``roles``: words say who speaks."""

    def __init__(self, *, live: bool, colour: bool, roles: bool, errors_apart: bool) -> None:
        self.colour, self.roles, self.live = colour, roles, live
        self.meter = Meter()
        self._errors = sys.stderr if errors_apart else sys.stdout

    def say(self, text: str) -> None:
        """Text as it is, but for lines that are longer than the terminal's."""
        text = printable(text)
        if is_terminal(sys.stdout):
            text = hung(text, shutil.get_terminal_size().columns)
        self._print(text)

    def note(self, text: str) -> None:
        """Something to know, aside."""
        self._print(self._styled(DIM, self._filled(f"({printable(text)})")), aside=True)

    def complain(self, text: str) -> None:
        """What can't be done."""
        self._print(self._styled(RED, self._filled(printable(text))), aside=True)

    def clear(self) -> None:
        """An empty screen, where there is one."""
        if self.live:
            sys.stdout.write("\x1b[H\x1b[2J")
            sys.stdout.flush()

    def command_terminal(self, sequence: str) -> None:
        """An escape sequence of our own, such as a text for the clipboard."""
        sys.stdout.write(sequence)
        sys.stdout.flush()

    def transcript(self, path: Sequence[Turn], first_visible: Turn | None) -> None:
        """The last turns, with the place from which on the model sees them."""
        hidden = len(path) - SHOWN_TURNS
        if hidden > 0:
            self.note(f"{hidden} earlier turns")
        for i, turn in enumerate(path):
            if turn is first_visible and i:
                self.note("the model sees only what comes now")
            if i >= hidden:
                self.turn(turn)

    def turn(self, turn: Turn) -> None:
        """A message or a reply."""
        text = printable(turn.text.rstrip("\n"))
        if turn.role == "user":
            first, *rest = text.split("\n")
            mark = "You: " if self.roles else "> "
            self._print("\n".join([self._styled(BOLD, mark) + first, *(f"  {t}" for t in rest)]))
            return
        styler = MarkdownStyler(colour=self.colour)
        writer = Writer(live=self.live, colour=self.colour)
        writer.write(self.role())
        for line in text.splitlines(keepends=True):
            styled = styler.feed(line)
            writer.write(styled, wrap=not styler.in_code)
        writer.write(styler.flush())
        writer.end()
        if turn.is_partial:
            self.note(f"{WHY.get(turn.finish or '', 'broken off')}; /continue goes on")
        self.gap()

    def reply(self, events: Events, status: Callable[[Meter], str]) -> Finished | None:
        """Draw a generation; returns its end, None if it was a replay."""
        self.meter.begin()
        view = _ReplyView(self, status)
        try:
            for event in events:
                view.draw(event)
        finally:
            events.close()
            view.end()
        return view.finished

    def role(self) -> str:
        """What stands before a reply."""
        return "Assistant: " if self.roles else ""

    def gap(self) -> None:
        """An empty line between one exchange and the next."""
        if self.live:
            sys.stdout.write("\n")

    def _print(self, text: str, *, aside: bool = False) -> None:
        stream = self._errors if aside else sys.stdout
        stream.write(f"{text}\n")
        stream.flush()

    def _filled(self, text: str) -> str:
        width = shutil.get_terminal_size().columns
        aside = textwrap.fill(text, width, break_on_hyphens=False)
        return aside if is_terminal(self._errors) else text

    def _styled(self, style: str, text: str) -> str:
        return f"{style}{text}{RESET}" if self.colour else text


class _ReplyView:
    """One generation on the screen."""

    def __init__(self, screen: Screen, status: Callable[[Meter], str]) -> None:
        self._screen, self._status = screen, status
        self._meter = screen.meter
        self._styler = MarkdownStyler(colour=screen.colour)
        self._writer = Writer(live=screen.live, colour=screen.colour)
        self._told = False
        self.finished: Finished | None = None
        self._write(screen.role())

    def draw(self, event: Event) -> None:
        self._meter.feed(event, time.monotonic())
        if isinstance(event, TextDelta):
            self._write(self._styler.feed(printable(event.text)))
        elif isinstance(event, PrefillProgress):
            self._reading(event)
        elif isinstance(event, ContextShifted):
            self._aside(
                f"the context is full: the model no longer sees the oldest {event.turns} turns, "
                f"{event.tokens:,} tokens"
            )
        elif isinstance(event, Replayed):
            self._aside(
                "the same, token for token"
                if event.same
                else f"differs from token {event.at + 1} on"
            )
        else:
            self.finished = event

    def end(self) -> None:
        self._write(self._styler.flush())
        self._writer.end()

    def _write(self, text: str) -> None:
        wrap = not self._styler.in_code
        self._writer.write(text, self._status(self._meter), wrap=wrap)

    def _reading(self, event: PrefillProgress) -> None:
        if self._screen.live:
            self._write("")
            return
        rate = event.processed / max(event.seconds, 1e-6)
        left = (event.total - event.cached - event.processed) / rate
        if left > LONG_WAIT and not self._told:
            self._told = True
            self._aside(f"reading {event.total:,} tokens, about {left:.0f} s")

    def _aside(self, text: str) -> None:
        self._writer.end()
        self._screen.note(text)
