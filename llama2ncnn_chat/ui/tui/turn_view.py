"""One turn on the screen: a message as it was typed, a reply as Markdown that can still grow.

Knows its turn and what a row says about it; neither the session nor what keys mean.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Markdown, Static
from textual.widgets.markdown import MarkdownStream

from ...conversation.ledger import Turn
from ..terminal import printable
from .markdown import parser

MARK = Content("╌╌ the model sees only what is below ╌╌")


@dataclass(frozen=True)
class Row:
    """A turn of the path: which of how many alternatives it is, and whether the model sees it.

    ``begins`` marks the first turn that it sees where there are others before. An ``expected`` turn
    stands in for one that the session is about to make.
    """

    turn: Turn
    position: int = 1
    of: int = 1
    hidden: bool = False
    begins: bool = False
    expected: bool = False

    def becomes(self, other: Row) -> bool:
        """Whether the other is the same, or what was expected: a reply, or a message as it was."""
        expected, turn = self.turn, other.turn
        as_it_was = turn.role == "assistant" or turn.text.strip() == expected.text
        return turn is expected or (self.expected and turn.role == expected.role and as_it_was)


def why_ended(turn: Turn) -> str:
    """Why a reply goes no further, but for that it was at its end."""
    if turn.finish == "length":
        return "reached max_tokens" if turn.reached_max_tokens else "the context is full"
    return "stopped" if turn.finish == "cancelled" else "not finished"


class TurnView(Vertical):
    """Draws a row; ``write`` lets a reply grow, ``settle`` makes it what its turn says."""

    class Clicked(Message):
        """Somebody pointed at a turn."""

        def __init__(self, turn: Turn) -> None:
            self.turn = turn
            super().__init__()

    def __init__(self, row: Row) -> None:
        self.row = row
        self._stream: MarkdownStream | None = None
        self._growing = False
        super().__init__(classes=row.turn.role)

    @property
    def turn(self) -> Turn:
        return self.row.turn

    def compose(self) -> ComposeResult:
        text = printable(self.turn.text)
        if self.turn.role == "user":
            yield Static(Content(text), classes="said")
        else:
            yield Markdown(text.strip(), classes="said", parser_factory=parser, open_links=False)

    def on_mount(self) -> None:
        self._dress()

    def on_click(self, _event: events.Click) -> None:
        self.post_message(self.Clicked(self.turn))

    def update_row(self, row: Row) -> None:
        """The same turn, or the one that this view stood in for, with news about it."""
        if row != self.row:
            self.row = row
            self._dress()

    async def write(self, text: str) -> None:
        """More of a reply."""
        markdown = self.query_one(Markdown)
        self._grow(True)
        if self._stream is None:
            self._stream = Markdown.get_stream(markdown)
            text = text if markdown.source else text.lstrip()
        await self._stream.write(printable(text))

    def wait(self) -> None:
        """A reply is on its way."""
        self._grow(True)

    async def settle(self) -> None:
        """No more is coming."""
        self._grow(False)
        if self._stream:
            await self._stream.stop()
            self._stream = None
        if self.turn.role == "assistant":
            markdown, text = self.query_one(Markdown), printable(self.turn.text)
            if markdown.source.strip() != text.strip():
                await markdown.update(text.strip())
        self._dress()

    def _grow(self, growing: bool) -> None:
        if growing is not self._growing:
            self._growing = growing
            self.set_class(growing, "-growing")
            self._dress()

    def _dress(self) -> None:
        self.set_class(self.row.hidden, "-hidden")
        if self.children:  # it is composed
            mark = MARK if self.row.begins else Content("")
            self._draw_line("mark", mark, before=0)
            self._draw_line("foot", self._foot())

    def _draw_line(self, name: str, content: Content, before: int | None = None) -> None:
        """A line above or below what was said: a widget only once there is something to say."""
        if line := next(iter(self.query_children(f".{name}").results(Static)), None):
            line.update(content)
            line.display = bool(content.plain)
        elif content.plain:
            self.mount(Static(content, classes=name), before=before)

    def _foot(self) -> Content:
        parts = []
        if self.row.of > 1:
            parts.append(f"◂ {self.row.position}/{self.row.of} ▸")
        if self._growing:
            parts.append("…")
        elif self.turn.is_partial:
            parts.append(why_ended(self.turn))
        return Content("  ".join(parts))
