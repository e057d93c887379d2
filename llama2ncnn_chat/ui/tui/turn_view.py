"""One turn on the screen: a message as it was typed, a reply as Markdown that can still grow.

Reasoning stands above what a reply says: all of it while it is written, then folded to a line.

Knows what its row says; neither the conversation nor keys.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Markdown, Static
from textual.widgets.markdown import MarkdownStream

from ...chat import phrases
from ...events import Row
from ...text.reasoning import reasoning_and_answer
from ..reply_parts import ReplyParts
from .code_block import CodeBlock, ReplyMarkdown
from .heat_text import HeatText

MARK = "╌╌ the model sees only what is below ╌╌"


class TurnView(Vertical):
    """Draws a row; ``write`` lets a reply grow, ``settle`` makes it what its row says.

    ``opened``: the reasoning is shown when it is over, too. ``numbered``: its blocks of code bear
    the numbers of ``/copy code``.
    """

    class Clicked(Message):
        """The turn of a row was clicked."""

        def __init__(self, row: Row) -> None:
            self.row = row
            super().__init__()

    class ThoughtClicked(Message):
        """The reasoning in the turn of a row was clicked."""

        def __init__(self, row: Row) -> None:
            self.row = row
            super().__init__()

    class VersionClicked(Message):
        """An arrow beside the number of the turn's version was clicked."""

        def __init__(self, row: Row, wish: Literal["previous", "next"]) -> None:
            self.row, self.wish = row, wish
            super().__init__()

    def __init__(self, row: Row, *, opened: bool = False, numbered: bool = False) -> None:
        self.row, self._opened, self._numbered = row, opened, numbered
        self._reasoning, self._answer = _split(row)
        self._parts: ReplyParts | None = None
        self._stream: MarkdownStream | None = None
        self._growing = False
        self.heat: HeatText | None = None
        super().__init__(classes=row.role)

    def compose(self) -> ComposeResult:
        if self.row.role == "user":
            yield Static(Content(self._answer), classes="said")
        else:
            yield ReplyMarkdown(self._answer, numbered=self._numbered, classes="said")
        if self.heat:
            yield self.heat

    def on_mount(self) -> None:
        self._draw_state()

    def on_click(self, event: events.Click) -> None:
        self.post_message(self.Clicked(self.row))
        if event.widget and event.widget.has_class("thought"):
            self.post_message(self.ThoughtClicked(self.row))
        elif event.widget and event.widget.has_class("foot"):
            wide = len(self._version())
            if event.x < wide:
                wish: Literal["previous", "next"] = "previous" if event.x < wide // 2 else "next"
                self.post_message(self.VersionClicked(self.row, wish))

    def open_thought(self, opened: bool) -> None:
        """Show the reasoning, or fold it to a line."""
        self._opened = opened
        self._draw_state()

    def number_code(self, numbered: bool) -> None:
        """Number the blocks of code, or no more."""
        self._numbered = numbered
        for said in self.query(ReplyMarkdown):
            said.numbered = numbered

    def scroll_code(self, cells: int) -> None:
        """Scroll the blocks of code to the right (left if negative), where lines are long."""
        for block in self.query(CodeBlock):
            block.scroll_relative(x=cells, animate=False)

    def show_heat(self, heat: HeatText | None) -> None:
        """Show a reply by its tokens; None: as Markdown again."""
        if self.heat:
            self.heat.remove()
        self.heat = heat
        self.set_class(heat is not None, "-heat")
        if heat and self.children:  # not before it is composed
            self.mount(heat, after=".said")

    def update_row(self, row: Row) -> None:
        """Draw what is new about the turn; its text only once it has settled."""
        if row != self.row:
            self.row = row
            self._draw_state()

    async def write(self, text: str) -> None:
        """Let a reply grow by more text."""
        self._parts = self._parts or ReplyParts(self.row)
        self.row = replace(self.row, text=self.row.text + text)
        self._grow(True)
        answer = ""
        for part in self._parts.feed(text):
            if part.is_reasoning:
                self._reasoning += part.text
            else:
                answer += part.text
        if not answer:
            self._draw_thought()
            return
        if self._stream is None:
            self._stream = Markdown.get_stream(self.query_one(Markdown))
        if not self._answer:
            answer = answer.lstrip()
        self._answer += answer
        self._draw_thought()
        await self._stream.write(answer)

    def show_growing(self) -> None:
        """Show that more of a reply is on its way."""
        self._grow(True)

    async def settle(self) -> None:
        """Show that no more is coming, and the text as a whole."""
        self._grow(False)
        self._parts = None
        if self._stream:
            await self._stream.stop()
            self._stream = None
        self._reasoning, self._answer = _split(self.row)
        if self.row.role == "assistant":
            markdown = self.query_one(Markdown)
            if markdown.source.strip() != self._answer:
                await markdown.update(self._answer)
        self._draw_state()

    def _grow(self, growing: bool) -> None:
        if growing is not self._growing:
            self._growing = growing
            self.set_class(growing, "-growing")
            self._draw_state()

    def _draw_state(self) -> None:
        self.set_class(self.row.hidden, "-hidden")
        self.set_class(self.row.begins, "-begins")
        self.border_title = MARK if self.row.begins else None
        if self.children:  # not before it is composed
            self._draw_thought()
            self._draw_line("foot", self._foot())

    def _draw_thought(self) -> None:
        if self._reasoning:
            thinks = self._growing and not self._answer
            head = "thinking" if thinks else phrases.thought(self.row)
            text = f"▾ {head}\n{self._reasoning}" if thinks or self._opened else f"▸ {head}"
            self._draw_line("thought", Content(text), before=".said")

    def _draw_line(self, name: str, content: Content, before: int | str | None = None) -> None:
        """Draw a line above or below the turn: a widget only once there is something to say."""
        if line := next(iter(self.query_children(f".{name}").results(Static)), None):
            line.update(content)
            line.display = bool(content.plain)
        elif content.plain:
            self.mount(Static(content, classes=name), before=before)

    def _version(self) -> str:
        return f"◂ {self.row.position}/{self.row.of} ▸" if self.row.of > 1 else ""

    def _foot(self) -> Content:
        parts = [version] if (version := self._version()) else []
        if self._growing:
            parts.append("…")
        elif self.row.role == "assistant" and (why := phrases.why_ended(self.row)):
            parts.append(why)
        return Content("  ".join(parts))


def _split(row: Row) -> tuple[str, str]:
    """Return a reply's reasoning and what it says; of a message, nothing and its text."""
    text = row.text
    if row.role == "user":
        return "", text
    reasoning, answer = reasoning_and_answer(text, begun=row.reasoning_begun)
    return reasoning.strip(), answer.strip()
