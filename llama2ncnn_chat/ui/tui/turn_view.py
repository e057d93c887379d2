"""One turn on the screen: a message as it was typed, a reply as Markdown that can still grow.

Knows what its row says; neither the conversation nor keys.
"""

from __future__ import annotations

from dataclasses import replace

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Markdown, Static
from textual.widgets.markdown import MarkdownStream

from ...chat import phrases
from ...events import Row
from ..terminal import printable
from .markdown import parser

MARK = Content("╌╌ the model sees only what is below ╌╌")


class TurnView(Vertical):
    """Draws a row; ``write`` lets a reply grow, ``settle`` makes it what its row says."""

    class Clicked(Message):
        """The turn of a row was clicked."""

        def __init__(self, row: Row) -> None:
            self.row = row
            super().__init__()

    def __init__(self, row: Row) -> None:
        self.row = row
        self._stream: MarkdownStream | None = None
        self._growing = False
        super().__init__(classes=row.role)

    def compose(self) -> ComposeResult:
        text = printable(self.row.text)
        if self.row.role == "user":
            yield Static(Content(text), classes="said")
        else:
            yield Markdown(text.strip(), classes="said", parser_factory=parser, open_links=False)

    def on_mount(self) -> None:
        self._draw_state()

    def on_click(self, _event: events.Click) -> None:
        self.post_message(self.Clicked(self.row))

    def update_row(self, row: Row) -> None:
        """Draw what is new about the turn; its text only once it has settled."""
        if row != self.row:
            self.row = row
            self._draw_state()

    async def write(self, text: str) -> None:
        """Let a reply grow by more text."""
        self.row = replace(self.row, text=self.row.text + text)
        markdown = self.query_one(Markdown)
        self._grow(True)
        if self._stream is None:
            self._stream = Markdown.get_stream(markdown)
            text = text if markdown.source else text.lstrip()
        await self._stream.write(printable(text))

    def show_growing(self) -> None:
        """Show that more of a reply is on its way."""
        self._grow(True)

    async def settle(self) -> None:
        """Show that no more is coming, and the text as a whole."""
        self._grow(False)
        if self._stream:
            await self._stream.stop()
            self._stream = None
        if self.row.role == "assistant":
            markdown, text = self.query_one(Markdown), printable(self.row.text)
            if markdown.source.strip() != text.strip():
                await markdown.update(text.strip())
        self._draw_state()

    def _grow(self, growing: bool) -> None:
        if growing is not self._growing:
            self._growing = growing
            self.set_class(growing, "-growing")
            self._draw_state()

    def _draw_state(self) -> None:
        self.set_class(self.row.hidden, "-hidden")
        if self.children:  # not before it is composed
            mark = MARK if self.row.begins else Content("")
            self._draw_line("mark", mark, before=0)
            self._draw_line("foot", self._foot())

    def _draw_line(self, name: str, content: Content, before: int | None = None) -> None:
        """Draw a line above or below the turn: a widget only once there is something to say."""
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
        elif self.row.is_partial:
            parts.append(phrases.why_ended(self.row))
        return Content("  ".join(parts))
