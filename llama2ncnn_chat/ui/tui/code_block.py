"""A block of code in a reply: a mark that copies it by a click, long lines that scroll sideways.

Knows how ``/copy code K`` counts blocks; neither which reply it is in nor how one copies.
"""

from __future__ import annotations

from typing import Any

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Markdown
from textual.widgets.markdown import MarkdownBlock, MarkdownFence

from ...chat.turn_actions import number_of_block
from .markdown import parser


class CodeBlock(MarkdownFence):
    """Bears ``copy K`` above its right end; ``copy`` alone if ``/copy code`` doesn't reach it."""

    class Picked(Message):
        """The mark was clicked: the reader wants this code, and what to call it."""

        def __init__(self, code: str, what: str) -> None:
            self.code, self.what = code, what
            super().__init__()

    def on_mount(self) -> None:
        self.draw_mark()

    def set_content(self, content: Content) -> None:
        """Draw more of the code, which may be a block only now."""
        super().set_content(content)
        if self.is_attached:
            self.draw_mark()

    def draw_mark(self) -> None:
        """Draw the mark anew, as the number may be another."""
        self._number = self._reply.number_of(self)
        self.border_title = "copy" if self._number is None else f"copy {self._number}"

    def on_click(self, event: events.Click) -> None:
        if event.screen_y == self.region.y:  # the row of the mark, not the code
            what = "the code" if self._number is None else f"block {self._number} of code"
            self.post_message(self.Picked(f"{self.code}\n", what))

    @property
    def _reply(self) -> ReplyMarkdown:
        assert isinstance(self._markdown, ReplyMarkdown)
        return self._markdown


class ReplyMarkdown(Markdown):
    """A reply; its blocks are ``numbered`` if it is the one whose blocks ``/copy code`` counts."""

    BLOCKS = {  # noqa: RUF012 - as Textual has it
        **Markdown.BLOCKS,
        "fence": CodeBlock,
        "code_block": CodeBlock,
    }

    numbered: reactive[bool] = reactive(False, init=False)

    def __init__(self, text: str, *, numbered: bool, **kwargs: Any) -> None:
        super().__init__(text, parser_factory=parser, open_links=False, **kwargs)
        self.set_reactive(ReplyMarkdown.numbered, numbered)

    def watch_numbered(self) -> None:
        for block in self.query(CodeBlock):
            block.draw_mark()

    def number_of(self, block: CodeBlock) -> int | None:
        """Return the K of ``/copy code K`` for a block; None if there is none."""
        return number_of_block(self.source, self._line_of(block)) if self.numbered else None

    def _line_of(self, block: CodeBlock) -> int:
        """Find the line in which a block begins, where 0 is the first.

        Inside of another one it only knows its place in what was read together with that.
        """
        outer = next(each for each in block.ancestors_with_self if each.parent is self)
        assert isinstance(outer, MarkdownBlock)
        read_from = outer.source_range[0] - (outer._token.map or [0])[0]
        return read_from + (block._token.map or [0])[0]
