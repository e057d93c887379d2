"""Help, made of the key bindings and the command table, so that it can't be wrong.

Knows which keys belong together; what they do, the bindings say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ...conversation.commands import COMMANDS
from .status import MUTED

KEYS_WIDTH = 24
Section = tuple[str, Sequence[Binding]]
NAMES = {
    "escape": "esc", "question_mark": "?", "pageup": "pgup", "pagedown": "pgdn",
    "left": "←", "right": "→", "up": "↑", "down": "↓",
}  # fmt: skip


class HelpScreen(ModalScreen[None]):
    """Scrolls by the usual keys; closes by any that opened it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,q,ctrl+c", "app.pop_screen", "Close", id="help.close"),
    ]

    def __init__(self, sections: Iterable[Section]) -> None:
        super().__init__(classes="panel")
        self._sections = list(sections)

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(Content.assemble("Help", ("   esc closes", MUTED)), classes="title")
            with VerticalScroll():
                for title, bindings in self._sections:
                    yield Static(title, classes="heading")
                    yield Static(_table((keys_of(b), b.tooltip) for b in bindings))
                yield Static("Commands", classes="heading")
                yield Static(_table((c.usage, c.help) for c in COMMANDS))

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()


def keys_of(binding: Binding) -> str:
    """``ctrl+j, alt+enter`` as a person would write it."""
    return ", ".join(
        NAMES.get(key.strip(), key.strip()).replace("ctrl+", "^") for key in binding.key.split(",")
    )


def _table(rows: Iterable[tuple[str, str]]) -> Content:
    return Content("\n").join(
        Content.assemble((f"{left:<{KEYS_WIDTH}}  ", "$accent"), right) for left, right in rows
    )
