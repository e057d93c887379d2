"""Where a line is written: grows, recalls what was sent, folds big pastes, posts what is sent.

Knows text and keys; neither what commands do nor what may follow a line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.document._document import Document, Location
from textual.document._edit import Edit
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import EditResult

from convert.streams import printable

from ...chat.line import Line, parse
from ...chat.outcomes import Attach
from ...generation.completer import common_prefix
from ..history import History
from ..paste import Pastes
from .keys import key

Offers = Mapping[str, str | None]
"""Keys that write a message while nothing is typed; None is the wish for another model."""
PLACEHOLDER = "Send a message  (/ for commands, f1 for help)"


_key = partial(key, "prompt")


class Prompt(TextArea):
    """``line`` is what would be sent. While ``suggesting``, some keys belong to the suggestions."""

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("enter", "submit", "Send", "Send, now or after the reply before"),
        _key("ctrl+j,alt+enter,shift+enter", "newline", "New line", "A line below"),
        _key("tab", "complete", "Complete", "Take the suggestion"),
        _key("up", "older", "Older", "What waits, or was sent before"),
        _key("down", "newer", "Newer", "What was sent after, from the last line"),
        _key("ctrl+underscore", "undo", "Undo", "Take back typing; ^y brings it back"),
        _key("ctrl+d", "leave", "Quit", "Leave, if nothing is typed"),
    ]

    class Submitted(Message):
        """Enter was pressed; ``line`` is what to send, with folded pieces in full, or nothing."""

        def __init__(self, line: Line) -> None:
            self.line = line
            super().__init__()

    class Completed(Message):
        """A suggestion was accepted, with Tab or with Enter; ``sends`` is Enter."""

        def __init__(self, *, sends: bool) -> None:
            self.sends = sends
            super().__init__()

    class HighlightMoved(Message):
        """Up or down was pressed while suggestions are shown."""

        def __init__(self, step: int) -> None:
            self.step = step
            super().__init__()

    class ModelWanted(Message):
        """The key for another model was pressed, where one was offered."""

    class Left(Message):
        """Ctrl+D was pressed on an empty prompt."""

    def __init__(
        self, history: History, offers: Callable[[], Offers], take_back: Callable[[], str]
    ) -> None:
        super().__init__(
            id="prompt",
            compact=True,
            highlight_cursor_line=False,
            placeholder=PLACEHOLDER,
            tab_behavior="focus",
        )
        self.cursor_blink = False  # or the program would be awake twice a second
        self._history, self._offers, self._take_back = history, offers, take_back
        self._pastes = Pastes()
        self.suggesting = False  # up, down and Tab go to the suggestions then
        self._chosen_for: str | None = None  # the text that a suggestion was chosen for
        self._taken_up = ""  # the key that wrote what is selected, while that is what was offered

    @property
    def line(self) -> Line:
        """What would be sent."""
        return parse(self.whole, self.verbatim)

    @property
    def verbatim(self) -> tuple[str, ...]:
        """What of it was pasted, and not typed."""
        return self._pastes.pieces(self.text)

    @property
    def whole(self) -> str:
        """What stands there, with folded pieces in full."""
        return self._pastes.whole(self.text)

    def replace_text(self, text: str, *, folds: bool = True) -> None:
        """Replace what stands there, and go to its end; what is big is folded, if it ``folds``."""
        self.text = self._pastes.shown(text, folds=folds)
        self.move_cursor(self.document.end)
        self._taken_up = ""

    @property
    def redoes(self) -> bool:
        """Whether Ctrl+R does again what was undone, as in vi."""
        return False

    @property
    def before_cursor(self) -> str:
        """What stands there before the cursor."""
        return self.get_text_range((0, 0), self.cursor_location)

    def complete(self, begun: str, text: str) -> None:
        """Put a text in the place of what was ``begun``, with which the line begins."""
        document, n = self.document, common_prefix(begun, text)
        assert isinstance(document, Document)
        start, end = map(document.get_location_from_index, (n, len(begun)))
        self.move_cursor(self.replace(text[n:], start, end).end_location)
        self._taken_up = ""

    def prepend_text(self, text: str, *, folds: bool = True) -> None:
        """Show a line that was sent again, above what has been written since."""
        self.replace_text(f"{text}\n{self.whole}" if self.text else text, folds=folds)

    def fold_file(self, file: Attach) -> None:
        """Have a file that goes with a message be folded under its name wherever it stands here."""
        self._pastes.fold_as(file.about, f"{file.text}\n\n", " ")

    def clear_text(self) -> None:
        """Empty it, remembered as if it had been sent; undo brings it back, too."""
        self._history.add(self.whole)
        self.clear()

    def edit(self, edit: Edit) -> EditResult:
        """Do an edit, to all of the folded pieces that it would cut."""
        text, document = self.text, self.document
        assert isinstance(document, Document)
        ends = (edit.from_location, edit.to_location)
        start, end = sorted(document.get_index_from_location(each) for each in ends)
        widened = self._pastes.around(text, start, end)
        if widened != (start, end):
            edit.from_location, edit.to_location = map(document.get_location_from_index, widened)
        return super().edit(edit)

    def action_submit(self) -> None:
        """Send what stands there, or the suggestion that was chosen with the arrows."""
        if self.suggesting and self._chosen_for == self.text:
            self.post_message(self.Completed(sends=True))
        else:
            self.submit()

    def submit(self) -> None:
        """Send what stands there; what is typed next belongs to the next message."""
        line = self.line
        if str(line):
            self.text = ""
        self.post_message(self.Submitted(line))

    def action_newline(self) -> None:
        """Begin a line below."""
        self._replace_via_keyboard("\n", *self.selection)

    def action_complete(self) -> None:
        """Accept the suggestion, if there is one."""
        if self.suggesting:
            self.post_message(self.Completed(sends=False))

    def action_older(self) -> None:
        """Go up: in the suggestions, the text, or to what waits or was sent before."""
        if self.suggesting:
            self._choose(-1)
        elif not self.cursor_at_first_line or self._wrapped_row() > 0:
            self.action_cursor_up()
        elif not self.text and (waiting := self._take_back()):
            self.replace_text(waiting)
        elif (text := self._history.back(self.text)) is not None:
            self.replace_text(text)

    def action_newer(self) -> None:
        """Go down: in the suggestions, the text, or to what was sent after."""
        rows = self.wrapped_document.height
        if self.suggesting:
            self._choose(1)
        elif not self.cursor_at_last_line or self._wrapped_row() < rows - 1:
            self.action_cursor_down()
        elif (text := self._history.forward()) is not None:
            self.replace_text(text)

    def _choose(self, step: int) -> None:
        self._chosen_for = self.text
        self.post_message(self.HighlightMoved(step))

    def action_leave(self) -> None:
        """Leave if there is no text, else delete to the right as Ctrl+D does."""
        if self.text:
            self.action_delete_right()
        else:
            self.post_message(self.Left())

    def _take_up(self, key: str, offered: str | None) -> None:
        """Write what the key offers, selected: Enter sends it, and other text takes its place."""
        if offered is None:
            self.post_message(self.ModelWanted())
        else:
            self.replace_text(offered)
            self.select_all()
            self._taken_up = key

    def _replace_via_keyboard(
        self, insert: str, start: Location, end: Location
    ) -> EditResult | None:
        """Put text in the place of another; after a key that offered it, that key was text, too."""
        if self._taken_up and self._offers().get(self._taken_up) == self.selected_text == self.text:
            insert = self._taken_up + insert
        return super()._replace_via_keyboard(insert, start, end)

    async def _on_key(self, event: events.Key) -> None:
        if not self.text and event.key in (offers := self._offers()):
            self._take_up(event.key, offers[event.key])
            event.stop()
            event.prevent_default()
            return
        # Here and now, in the order of the keys: the app would run a binding before, or well
        # after, the letters of the same burst.
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if await self.app.run_action(binding.action, self):
                event.stop()
                event.prevent_default()
                return

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()  # else it is pasted once more, as it is
        event.stop()
        text = printable(event.text.replace("\r\n", "\n").replace("\r", "\n"))
        self._replace_via_keyboard(self._pastes.fold(text), *self.selection)

    def _wrapped_row(self) -> int:
        return int(self.wrapped_document.location_to_offset(self.cursor_location).y)
