"""Vi's keys over a text: prompt_toolkit's, driven by one key after another, without its terminal.

Knows text, a cursor and a selection in it; no widget. What is typed while inserting goes elsewhere.
"""

from __future__ import annotations

from typing import NamedTuple

from prompt_toolkit.application import Application
from prompt_toolkit.application.current import set_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.clipboard import Clipboard, ClipboardData
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.input import DummyInput
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import BufferControl, Layout, Window
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.selection import SelectionType

ESCAPE, REDO = "escape", "ctrl+r"
"""Keys that are no character, by the names that a widget has for them."""


class Edited(NamedTuple):
    """A text, the place of the cursor in it, and what is selected, its end not included."""

    text: str
    cursor: int
    selected: tuple[int, int] | None = None


class ViEditor:
    """It begins inserting. Keys are pressed in all other modes; ``escape`` ends inserting, too."""

    def __init__(self) -> None:
        self._buffer = Buffer(multiline=True)
        self._app: Application[None] = Application(
            layout=Layout(Window(BufferControl(self._buffer))),
            editing_mode=EditingMode.VI,
            input=DummyInput(),
            output=DummyOutput(),
        )
        self._app.timeoutlen = None  # type: ignore[assignment] # no clock: a key waits for the next one
        self._registers = _Registers(self._app.clipboard)

    @property
    def mode(self) -> str:
        """What vi calls the mode."""
        if selection := self._buffer.selection_state:
            return "VISUAL LINE" if selection.type == SelectionType.LINES else "VISUAL"
        state = self._app.vi_state.input_mode
        if state in (InputMode.REPLACE, InputMode.REPLACE_SINGLE):
            return "REPLACE"
        return "NORMAL" if state == InputMode.NAVIGATION else "INSERT"

    @property
    def waits(self) -> bool:
        """Whether what has been pressed wants more: an operator its motion, a count its command."""
        return self._begun or self._registers.waits

    @property
    def _begun(self) -> bool:
        return bool(self._app.key_processor.arg) or self._wants_more

    @property
    def _wants_more(self) -> bool:
        """Whether a command has begun, of which a count alone isn't a part."""
        return bool(self._app.key_processor.key_buffer or self._app.vi_state.operator_func)

    def insert(self) -> None:
        """Insert again, whatever was begun."""
        self._buffer.exit_selection()
        self._app.key_processor.reset()
        self._app.vi_state.reset()
        self._registers.end()

    def show(self, text: str, cursor: int) -> None:
        """Take a text as it is now; if that is another one, undo goes back to the one before."""
        if text != self._buffer.text:
            self._buffer.save_to_undo_stack()
            self._buffer.document = Document(text, cursor)
        elif cursor != self._buffer.cursor_position:
            self._buffer.cursor_position = cursor

    def press(self, key: str) -> Edited:
        """Press a key: a character, ``ESCAPE`` or ``REDO``; returns what has become of the text."""
        with set_app(self._app):
            if key == REDO:
                self._buffer.redo()
            elif not self._registers.takes(
                key, begins=self.mode != "REPLACE" and not self._wants_more
            ):
                press = KeyPress(Keys.Escape if key == ESCAPE else key)
                self._app.key_processor.feed(press)
                self._app.key_processor.process_keys()
                if not self._begun:
                    self._registers.end()
            ranges = list(self._buffer.document.selection_ranges())
        end = len(self._buffer.text)  # an empty line at the end is selected beyond it
        selected = (ranges[0][0], min(ranges[-1][1], end)) if ranges else None
        return Edited(self._buffer.text, self._buffer.cursor_position, selected)


class _Registers:
    """Named registers, each in the place of the unnamed one for the time of a command.

    The library's own fail where an operator is followed by a motion.
    """

    def __init__(self, clipboard: Clipboard) -> None:
        self._clipboard, self._named = clipboard, dict[str, ClipboardData]()
        clipboard.set_data(ClipboardData())
        self._name: str | None = None  # empty while it is awaited
        self._unnamed = self._before = clipboard.get_data()

    @property
    def waits(self) -> bool:
        """Whether a register is named, or about to be, for a command to come."""
        return self._name is not None

    def takes(self, key: str, *, begins: bool) -> bool:
        """Take a key that names a register, if it does; a command ``begins`` with a quote."""
        if key == '"' and begins and self._name is None:
            self._name = ""
        elif self._name == "" and len(key) == 1:
            self._name = key
            self._unnamed = self._before = self._clipboard.get_data()
            if key in self._named:
                self._before = self._named[key]
                self._clipboard.set_data(self._before)
        else:
            return False
        return True

    def end(self) -> None:
        """End a command: what it has put in its register stays, else the unnamed one is back."""
        if self._name:
            after = self._clipboard.get_data()
            if after is self._before:
                self._clipboard.set_data(self._unnamed)
            else:
                self._named[self._name] = after
        self._name = None
