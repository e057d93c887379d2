"""The help, made of the key bindings and the command table, so that it can't be wrong.

Knows how to lay it out; no key and no command by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ...chat.commands.table import COMMANDS

KEYS_WIDTH, NARROW = 26, 56
Section = tuple[str, Sequence[Binding]]
NAMES = {
    "escape": "esc", "question_mark": "?", "pageup": "pgup", "pagedown": "pgdn",
    "ctrl+underscore": "^_", "left": "←", "right": "→", "up": "↑", "down": "↓",
}  # fmt: skip


class HelpScreen(ModalScreen[None]):
    """Scrolls by the usual keys; closes by any that opened it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,q,ctrl+c", "app.pop_screen", "Close", id="help.close"),
    ]

    def __init__(self, sections: Iterable[Section]) -> None:
        super().__init__(classes="panel")
        keys = [(title, [(keys_of(b), b.tooltip) for b in bound]) for title, bound in sections]
        self._sections = [*keys, ("Commands", [(c.usage, c.help) for c in COMMANDS])]

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title, box.border_subtitle = "Help", "esc closes"
            with VerticalScroll():
                for title, rows in self._sections:
                    yield Static(title, classes="heading")
                    yield Table(rows)

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()


class Table(Static):
    """Two columns, of which the second is broken into lines; one below the other if narrow."""

    def __init__(self, rows: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._rows = rows

    def on_resize(self, event: events.Resize) -> None:
        narrow, width = event.size.width < NARROW, event.size.width
        rows = (_below(*row, width) if narrow else _beside(*row, width) for row in self._rows)
        self.update(Content("\n").join(rows))


def keys_of(binding: Binding) -> str:
    """Write a binding's keys as a person would: ``ctrl+j,alt+enter`` is ``^j, alt+enter``."""
    return ", ".join(
        NAMES.get(key.strip(), key.strip()).replace("ctrl+", "^") for key in binding.key.split(",")
    )


def _below(left: str, right: str, width: int) -> Content:
    lines = [Content("  ") + line for line in Content(right).wrap(max(10, width - 2))]
    return Content("\n").join([Content.styled(left, "$accent"), *lines])


def _beside(left: str, right: str, width: int) -> Content:
    first, *more = Content(right).wrap(width - KEYS_WIDTH - 2)
    lines = [Content.assemble((f"{left:<{KEYS_WIDTH}}  ", "$accent"), first)]
    lines += [Content(" " * (KEYS_WIDTH + 2)) + line for line in more]
    return Content("\n").join(lines)
