"""The prompt with vi's keys: what is typed goes into it, all other keys to a ``ViEditor``.

Copies the editor's text, cursor and selection after each key; knows none of vi's commands but
those that leave the text.
"""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.document._document import Document, Location, Selection
from textual.reactive import reactive

from ..history import History
from .prompt import Offers, Prompt
from .vi_editor import ESCAPE, REDO, Edited, ViEditor

INSERT = "INSERT"
BESIDE = {"j": "newer", "k": "older"}
"""Keys that go on beyond the text, to what was sent before and after."""

ARROWS = {"left": "h", "right": "l", "up": "k", "down": "j"}


class ViPrompt(Prompt):
    """``mode`` is what vi calls it; it begins inserting, and after each message does so again."""

    mode: reactive[str] = reactive(INSERT, init=False)

    def __init__(
        self, history: History, offers: Callable[[], Offers], take_back: Callable[[], str]
    ) -> None:
        super().__init__(history, offers, take_back)
        self._editor = ViEditor()
        self._shown: tuple[str, Location] = "", (0, 0)  # what the editor knows

    @property
    def redoes(self) -> bool:
        """Whether Ctrl+R does again what was undone, as it does but while inserting."""
        return self.mode != INSERT

    def submit(self) -> None:
        """Send what stands there, and insert again."""
        self._editor.insert()
        self.mode = INSERT
        super().submit()

    async def _on_key(self, event: events.Key) -> None:
        key = self._key_of_vi(event)
        if key is None:
            await super()._on_key(event)
            return
        if key in BESIDE and self._is_beside(key):
            await self.app.run_action(BESIDE[key], self)
        else:
            self.press(key)
        event.stop()
        event.prevent_default()

    def _key_of_vi(self, event: events.Key) -> str | None:
        """Return the key to press; None for one of the prompt's, or of what is around it."""
        if event.key == ESCAPE:
            mine = self.mode != "NORMAL" or self._editor.waits
            return event.key if mine and not self.suggesting else None
        if self.mode == INSERT:
            return None
        if event.key == REDO:
            return event.key
        if self.mode.startswith("VISUAL") and event.key in ARROWS:
            return ARROWS[event.key]
        return event.character if event.is_printable else None

    def _is_beside(self, key: str) -> bool:
        """Whether the row that the key goes to is none of the text."""
        if self.mode != "NORMAL" or self._editor.waits:
            return False
        return self.cursor_at_last_line if key == "j" else self.cursor_at_first_line

    def press(self, key: str) -> None:
        """Press a key of vi's, in whatever mode it is."""
        before = self.text
        if (before, self.cursor_location) != self._shown:  # as typed, pasted or clicked meanwhile
            document = self.document
            assert isinstance(document, Document)
            self._editor.show(before, document.get_index_from_location(self.cursor_location))
        edited = self._editor.press(key)
        if mended := self._pastes.mended(before, edited.text):
            edited = Edited(*mended)
        self._show(edited)
        self._shown = self.text, self.cursor_location
        self.mode = self._editor.mode

    def _show(self, edited: Edited) -> None:
        if edited.text != self.text:
            self.replace(edited.text, (0, 0), self.document.end)
        document = self.document
        assert isinstance(document, Document)
        place = document.get_location_from_index
        if edited.selected:
            start, end = map(place, edited.selected)
            # The cursor is the selection's end in a text area, wherever it is in vi.
            at_start = edited.cursor == edited.selected[0]
            self.selection = Selection(end, start) if at_start else Selection(start, end)
        else:
            self.move_cursor(place(edited.cursor))
