"""The prompt with those of vi's keys that a message needs.

Knows which of the prompt's actions each key runs, and nothing of what they do.
"""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.reactive import reactive

from ..history import History
from .prompt import Offers, Prompt

STAYS: dict[str, tuple[str, ...]] = {
    "h": ("cursor_left",),
    "l": ("cursor_right",),
    "j": ("newer",),
    "k": ("older",),
    "w": ("next_word",),
    "b": ("cursor_word_left",),
    "0": ("cursor_line_start",),
    "$": ("cursor_line_end",),
    "x": ("delete_right",),
    "D": ("delete_to_end_of_line",),
    "dd": ("delete_line", "cursor_line_start"),
    "u": ("undo",),
}
INSERTS: dict[str, tuple[str, ...]] = {
    "i": (),
    "a": ("cursor_right",),
    "I": ("cursor_line_start",),
    "A": ("cursor_line_end",),
    "o": ("cursor_line_end", "newline"),
    "O": ("cursor_line_start", "newline", "cursor_up"),
    "C": ("delete_to_end_of_line",),
    "cc": ("cursor_line_end", "delete_to_start_of_line"),
}
"""Keys of normal mode, those that stay in it and those that leave it, and the actions of each."""

STAYS_IN_LINE = ("h", "l", "a", "x")
"""Keys that leave other lines alone."""


class ViPrompt(Prompt):
    """``normal`` is the mode; it begins inserting, and after each message does so again."""

    normal: reactive[bool] = reactive(False, init=False)

    def __init__(
        self, history: History, offers: Callable[[], Offers], take_back: Callable[[], str]
    ) -> None:
        super().__init__(history, offers, take_back)
        self._pending = ""  # the first letter of a key of two

    def submit(self) -> None:
        """Send what stands there, and insert again."""
        self.normal = False
        super().submit()

    def action_next_word(self) -> None:
        """Go to where the next word begins."""
        self.action_cursor_word_right()  # the action ends where the word does
        row, column = self.cursor_location
        after = self.document.get_line(row)[column:]
        if after.strip() or self.cursor_at_last_line:
            self.move_cursor((row, column + len(after) - len(after.lstrip())))
        else:
            self.move_cursor((row + 1, 0))

    async def _on_key(self, event: events.Key) -> None:
        if not self.normal and event.key == "escape" and not self.suggesting:
            self.normal = True
        elif self.normal and event.character and event.is_printable:
            await self._command(self._pending + event.character)
        else:
            self._pending = ""
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()

    async def _command(self, keys: str) -> None:
        self._pending = ""
        if keys in STAYS or keys in INSERTS:
            for action in self._actions(keys):
                await self.app.run_action(action, self)
            self.normal = keys in STAYS
        elif any(each.startswith(keys) for each in (*STAYS, *INSERTS)):
            self._pending = keys

    def _actions(self, keys: str) -> tuple[str, ...]:
        row, column = self.cursor_location
        end = len(self.document.get_line(row))
        if keys in STAYS_IN_LINE and column == (0 if keys == "h" else end):
            return ()
        return STAYS.get(keys) or INSERTS[keys]
