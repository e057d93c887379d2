"""Prints what the line-by-line face shows: notes, refusals, turns, and replies as they stream.

Knows events and rows; neither where messages come from nor what commands do.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from convert.streams import Styled, is_terminal, joined, note, put, styled

from ...chat import phrases
from ...events import (
    ContextShifted,
    Event,
    Events,
    PrefillProgress,
    ReadAgain,
    Replayed,
    Row,
    TextDelta,
    Tokens,
    TurnAdded,
    TurnFinished,
)
from ...text.reasoning import Part, reasoning_and_answer
from ...text.vocabulary import Vocabulary
from ..meter import Meter
from ..reply_parts import ReplyParts
from ..terminal import DIM, wrap_hanging
from .markdown import BOLD, MarkdownStyler
from .tokens import drawn, legend, surprises
from .writer import Writer

RED = "\x1b[31m"

LONG_WAIT = 2.0
"""Seconds of reading that are worth a line where nothing can be drawn again."""

SHOWN_TURNS = 6


class Screen:
    """``live``: a line of status stands below a growing reply. ``roles``: words say who speaks.

    ``errors_apart`` sends notes and complaints to standard error.
    """

    def __init__(self, *, live: bool, colour: bool, roles: bool, errors_apart: bool) -> None:
        self.colour, self.roles, self.live = colour, roles, live
        self.meter = Meter()
        self.complained = False
        self._errors_apart = errors_apart

    def say(self, text: str) -> None:
        """Print text as it is, but for lines that are longer than the terminal's."""
        if is_terminal(sys.stdout):
            text = wrap_hanging(text, shutil.get_terminal_size().columns)
        put(f"{text}\n")

    def note(self, text: str) -> None:
        """Print a note in brackets."""
        self._print_aside(DIM, f"({text})")

    def complain(self, text: str) -> None:
        """Print what can't be done, and remember that there was something."""
        self.complained = True
        self._print_aside(RED, text)

    def clear(self) -> None:
        """Empty the screen, where there is one."""
        if self.live:
            self.command_terminal("\x1b[H\x1b[2J")

    def command_terminal(self, sequence: str) -> None:
        """Write an escape sequence of our own, such as a text for the clipboard."""
        put(Styled(sequence))

    def draw_transcript(self, rows: Sequence[Row]) -> None:
        """Draw the path's last turns, and say from which on the model sees them."""
        n_earlier = len(rows) - SHOWN_TURNS
        if n_earlier > 0:
            self.note(f"{phrases.turns_of(n_earlier)} before")
        for row in rows:
            if row.begins:
                self.note("the model sees only what comes now")
            if row.index >= n_earlier:
                self.draw_turns([row])

    def draw_turns(self, rows: Iterable[Row]) -> None:
        """Draw messages and replies."""
        for row in rows:
            if row.role == "user":
                self._message(row)
            else:
                self._reply(row)

    def _message(self, row: Row) -> None:
        first, *rest = row.text.rstrip("\n").split("\n")
        mark = self._styled(BOLD, "You: " if self.roles else "> ")
        put(joined([mark, "\n".join([first, *(f"  {t}" for t in rest)]), "\n"]))

    def _reply(self, row: Row) -> None:
        text = row.text
        if self.colour and row.n_reasoning:
            text = reasoning_and_answer(text, begun=row.reasoning_begun)[1].lstrip()
            self.note(phrases.thought(row))
        styler = MarkdownStyler(colour=self.colour)
        writer = Writer(live=self.live, colour=self.colour)
        writer.write(self.role())
        for line in text.rstrip("\n").splitlines(keepends=True):
            line = styler.feed(line)
            writer.write(line, wrap=not styler.in_code)
        writer.write(styler.flush())
        writer.end()
        if why := phrases.ended(row):
            self.note(why)
        self.leave_gap()

    def draw_reply(
        self,
        events: Events,
        status: Callable[[Meter], str],
        begun: Row | None = None,
        *,
        speaks: bool = True,
    ) -> TurnFinished | None:
        """Draw a generation; returns its end, None if there was no reply to be written.

        ``begun`` is the reply that it goes on with; unless it ``speaks``, no text is to come.
        """
        self.meter.begin()
        view = _ReplyView(self, status, begun, self.role() if speaks else "")
        try:
            for event in events:
                view.draw(event)
        finally:
            events.close()
            view.end()
        return view.finished

    def draw_tokens(self, vocabulary: Vocabulary, tokens: Tokens) -> None:
        """Draw a reply by how likely its tokens were, and list those that weren't."""
        put(joined([legend(colour=self.colour), "\n"]))
        writer = Writer(live=self.live, colour=self.colour)
        writer.write(self.role())
        writer.write(drawn(vocabulary, tokens, colour=self.colour))
        writer.end()
        for line in surprises(vocabulary, tokens):
            self.note(line)
        self.leave_gap()

    def role(self) -> str:
        """Return what stands before a reply."""
        return "Assistant: " if self.roles else ""

    def leave_gap(self) -> None:
        """Leave an empty line between one exchange and the next."""
        if self.live:
            put("\n")

    def _print_aside(self, style: str, text: str) -> None:
        """Print what is no part of the conversation."""
        if is_terminal(sys.stderr if self._errors_apart else sys.stdout):
            text = textwrap.fill(text, shutil.get_terminal_size().columns, break_on_hyphens=False)
        write = note if self._errors_apart else put
        write(joined([self._styled(style, text), "\n"]))

    def _styled(self, style: str, text: str) -> str:
        return styled(style, text) if self.colour else text


class _ReplyView:
    """One generation on the screen."""

    def __init__(
        self, screen: Screen, status: Callable[[Meter], str], begun: Row | None, role: str
    ) -> None:
        self._screen, self._status = screen, status
        self._meter = screen.meter
        self._styler = MarkdownStyler(colour=screen.colour)
        self._writer = Writer(live=screen.live, colour=screen.colour)
        self._parts = self._parts_of(begun) if begun else None
        self._announced = False
        self.finished: TurnFinished | None = None
        self._write(role)

    def draw(self, event: Event) -> None:
        """Draw one event."""
        self._meter.feed(event, time.monotonic())
        match event:
            case TurnAdded(row) if row.role == "assistant":
                self._parts = self._parts_of(replace(row, text=""))
                self._say(row.text)
            case TextDelta(text):
                self._say(text)
            case PrefillProgress():
                self._reading(event)
            case ContextShifted():
                self._aside(phrases.shifted(event))
            case ReadAgain():
                self._aside(phrases.put_otherwise(event))
            case Replayed():
                self._aside(phrases.replayed(event))
            case TurnFinished():
                self.finished = event

    def end(self) -> None:
        """Draw what was held back, and erase the status."""
        for part in self._parts.flush() if self._parts else ():
            self._write(self._styled(part))
        self._write(self._styler.flush())
        self._writer.end()

    def _parts_of(self, row: Row) -> ReplyParts | None:
        """Tell reasoning apart only where it can be made dim; elsewhere its tags tell it."""
        return ReplyParts(row) if self._screen.colour else None

    def _say(self, text: str) -> None:
        parts = self._parts.feed(text) if self._parts else [Part(text, is_reasoning=False)]
        self._write(joined(map(self._styled, parts)))

    def _styled(self, part: Part) -> str:
        return styled(DIM, part.text) if part.is_reasoning else self._styler.feed(part.text)

    def _write(self, text: str) -> None:
        wrap = not self._styler.in_code
        self._writer.write(text, self._status(self._meter), wrap=wrap)

    def _reading(self, event: PrefillProgress) -> None:
        if self._screen.live:
            self._write("")
        elif event.seconds_left > LONG_WAIT and not self._announced:
            self._announced = True
            self._aside(f"reading {event.total:,} tokens, about {event.seconds_left:.0f} s")

    def _aside(self, text: str) -> None:
        self._writer.end()
        self._screen.note(text)
