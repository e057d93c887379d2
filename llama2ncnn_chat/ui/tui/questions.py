"""Small screens that ask one thing: yes or no, a line of text, one of a list.

Know nothing of what is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from .field import Field

T = TypeVar("T")
CLOSE = Binding("escape,ctrl+c", "close", "Close", tooltip="Leave all as it is", id="close")


class Confirm(ModalScreen[bool]):
    """Asks yes or no; gives True for y, False for all other keys that close it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", id="confirm.yes"),
        Binding("n,escape,ctrl+c,enter", "answer(False)", "No", id="confirm.no"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__(classes="question")
        self._question = question

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(Content(self._question))
            yield _keys(("y", "yes"), ("n, esc", "no"))

    def action_answer(self, answer: bool) -> None:
        """Close with that answer."""
        self.dismiss(answer)


class AskLine(ModalScreen[str | None]):
    """Asks for a line of text; gives None if the person closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [CLOSE]

    def __init__(self, question: str, text: str = "") -> None:
        super().__init__(classes="question")
        self._question, self._text = question, text

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(Content(self._question))
            yield Field(self._text, compact=True, select_on_focus=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)

    def action_close(self) -> None:
        """Close without an answer."""
        self.dismiss(None)


class Pick(ModalScreen[T | None], Generic[T]):
    """Has one of many things picked; gives None if the person closes it.

    ``search`` finds those that have the words that are typed, ``draw`` makes a line (or more) of
    each.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        CLOSE,
        Binding("down", "highlight(1)", "Down", show=False, priority=True),
        Binding("up", "highlight(-1)", "Up", show=False, priority=True),
    ]

    def __init__(
        self, title: str, search: Callable[[str], Sequence[T]], draw: Callable[[T], Content]
    ) -> None:
        super().__init__(classes="question")
        self._title, self._search, self._draw = title, search, draw
        self._found: Sequence[T] = ()

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = self._title
            box.border_subtitle = "↑↓ move   enter choose   esc close"
            yield Field(placeholder="type to search", compact=True)
            yield OptionList(compact=True)

    def on_mount(self) -> None:
        self._fill("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._fill(event.value)

    def on_input_submitted(self) -> None:
        at = self.query_one(OptionList).highlighted
        self.dismiss(None if at is None else self._found[at])

    @on(OptionList.OptionSelected)
    def _picked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._found[event.option_index])

    def action_highlight(self, step: int) -> None:
        """Move the highlight down by so many rows (up if negative)."""
        options = self.query_one(OptionList)
        (options.action_cursor_down if step > 0 else options.action_cursor_up)()

    def action_close(self) -> None:
        """Close without an answer."""
        self.dismiss(None)

    def _fill(self, words: str) -> None:
        self._found = self._search(words)
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(Option(self._draw(each)) for each in self._found)
        options.highlighted = 0 if self._found else None


def one_line(text: str) -> Content:
    """Draw a text as one line of ``Pick``."""
    return Content(" ".join(text.split()))


def _keys(*all_: tuple[str, str]) -> Static:
    """Draw what the keys do here."""
    parts = [Content.assemble((key, "bold $primary"), f" {what}") for key, what in all_]
    return Static(Content("    ").join(parts), classes="keys")
