"""What the model had in mind at one place of a reply: the likeliest tokens, one highlighted.

Draws the choice it is given; goes nowhere by itself.
"""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from ...chat.chat import Chat
from ...events import Choice
from ..likelihood import name_of
from .status import MUTED
from .token_text import legend, tints

BAR_CELLS, LEAST_SEEN = 16, 0.0005


class RunnersUp(Vertical):
    """``show`` draws a choice; ``highlighted`` is the token to go on from."""

    class Picked(Message):
        """The highlighted token was clicked."""

    def __init__(self, chat: Chat) -> None:
        super().__init__(id="runners-up")
        self._chat = chat
        self._choice: Choice | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="token-place")
        others = OptionList(compact=True)
        others.can_focus = False  # the keys are the transcript's
        yield others

    @property
    def highlighted(self) -> int | None:
        """The token under the highlight."""
        at = self.query_one(OptionList).highlighted
        return self._choice.top[at][0] if self._choice and at is not None else None

    def show(self, place: str, choice: Choice | None) -> None:
        """Draw where the cursor is, and what was likely there, if that is known."""
        head = Content.assemble(
            place, "   ", legend(tints(self.app.console, no_colour=self.app.no_color))
        )
        self.query_one("#token-place", Static).update(head)
        if choice == self._choice:
            return
        self._choice = choice
        options = self.query_one(OptionList)
        options.clear_options()
        if choice:
            options.add_options(Option(self._line(choice, *each)) for each in choice.top)
            at = (i for i, (token, _) in enumerate(choice.top) if token == choice.token)
            options.highlighted = next(at, 0)

    def move(self, step: int) -> None:
        """Move the highlight down by so many rows (up if negative)."""
        options = self.query_one(OptionList)
        (options.action_cursor_down if step > 0 else options.action_cursor_up)()

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Picked())

    def _line(self, choice: Choice, token: int, probability: float) -> Content:
        bar = "━" * round(BAR_CELLS * probability) or "╺" * (probability >= LEAST_SEEN)
        mark = "● " if token == choice.token else "  "
        return Content.assemble(
            (mark, "$success"),
            (f"{bar:<{BAR_CELLS}} ", "$primary"),
            (f"{probability:>6.1%}  ", MUTED),
            name_of(self._chat.vocabulary, token),
        )
