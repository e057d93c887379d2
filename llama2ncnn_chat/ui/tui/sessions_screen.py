"""The screen of all sessions: to find, preview, open, rename, fork, delete and bring them back.

Knows the store and the chat that is open; leaves opening one to who has pushed this screen.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import ActiveBinding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, OptionList, Static
from textual.widgets.option_list import Option

from ...chat import phrases
from ...chat.chat import Chat
from ...chat.commands.sessions import deleted, last_line, model_of, title, turns_in, undeleted, when
from ...errors import ChatError
from ...storage.store import HIT, SessionInfo
from .field import Field
from .keys import in_order, key
from .questions import AskLine
from .session_preview import SessionPreview
from .status import MUTED

_key = partial(key, "sessions", show=True, first=True)


class SessionsScreen(ModalScreen[int | None]):
    """Gives the number of the session to open, or None."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-roomy")]  # noqa: RUF012 (Textual's way)
    BINDINGS: ClassVar[list[BindingType]] = [
        _key("enter", "open", "Open", "Go on with this session"),
        _key("ctrl+e", "rename", "Rename", "Another name for it"),
        _key("ctrl+f", "fork", "Fork", "A copy to go on in"),
        _key("ctrl+x", "delete", "Delete", "Delete it; ^z brings it back"),
        _key("ctrl+z", "undo", "Undo", "Bring back what was deleted"),
        _key("ctrl+t", "one_shots", "All", "Single answers of the command line, too"),
        _key("escape,ctrl+o,ctrl+c", "close", "Close", "Back to the chat"),
        _key("down", "highlight(1)", "Down", "The session below", show=False),
        _key("up", "highlight(-1)", "Up", "The session above", show=False),
    ]

    def __init__(self, chat: Chat) -> None:
        super().__init__(classes="panel wide")
        self._chat = chat
        self._store = chat.stored()
        self._found: list[SessionInfo] = []
        self._one_shots = False

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        return in_order(super().active_bindings, self.BINDINGS)

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = "Sessions"
            yield Field(placeholder="search all that was ever said", compact=True)
            with Horizontal():
                yield OptionList(compact=True)
                yield SessionPreview()
            yield Static(id="sessions-note")
            yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self._fill(self._chat.session_id)

    def on_resize(self, _event: events.Resize) -> None:
        self.call_after_refresh(self._fill)  # names are cut and lines broken by hand

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        if action == "undo":
            return True if self._can_undelete() else None
        if action in ("open", "rename", "fork", "delete"):
            return True if self._found else None
        return True

    @on(Input.Changed)
    def _searched(self) -> None:
        self._fill()

    @on(Input.Submitted)
    def _entered(self) -> None:
        self._open()

    @on(OptionList.OptionHighlighted)
    def _highlighted(self) -> None:
        self._preview()

    @on(OptionList.OptionSelected)
    def _clicked(self) -> None:
        self._open()

    def action_highlight(self, step: int) -> None:
        """Move the highlight down by so many rows (up if negative)."""
        options = self.query_one(OptionList)
        (options.action_cursor_down if step > 0 else options.action_cursor_up)()

    def action_open(self) -> None:
        """Close, and give the session to open, once what was typed before has been looked for."""
        search = self.query_one(Input)
        search.call_later(search.action_submit)

    def _open(self) -> None:
        if info := self._current:
            self.dismiss(info.id)

    def action_close(self) -> None:
        """Close without a session to open."""
        self.dismiss(None)

    @work
    async def action_rename(self) -> None:
        """Ask for another name of the session."""
        info = self._current
        if info is None:
            return
        name = await self.app.push_screen_wait(AskLine("Name of the session", title(info)))
        if name is None:
            return
        try:
            if info.id == self._chat.session_id:
                self._chat.rename(name.strip())
            else:
                self._store.rename(info.id, name.strip())
        except ChatError as e:
            self._say(phrases.sentence(e))
        self._fill(info.id)

    def action_fork(self) -> None:
        """Copy the session."""
        if info := self._current:
            try:
                self._fill(self._store.fork(info.id))
            except ChatError as e:
                self._say(phrases.sentence(e))

    def action_delete(self) -> None:
        """Delete the session; it can be brought back."""
        info = self._current
        if info is None:
            return
        try:
            self._chat.delete(info.id)
        except ChatError as e:
            self._say(phrases.sentence(e))
            return
        self._say(deleted(info, "^z"))
        self._fill()

    def action_undo(self) -> None:
        """Bring back the session that was deleted last."""
        try:
            back = self._store.find(str(self._store.undelete_last()))
        except ChatError as e:
            self._say(phrases.sentence(e))
        else:
            self._say(undeleted(back))
            self._fill(back.id)

    def action_one_shots(self) -> None:
        """Show the sessions that are one answer on the command line, or leave them out again."""
        current, self._one_shots = self._current, not self._one_shots
        self._fill(current.id if current else None)

    def _can_undelete(self) -> bool:
        with suppress(ChatError):  # which the list says as well
            return self._store.can_undelete
        return False

    @property
    def _current(self) -> SessionInfo | None:
        at = self.query_one(OptionList).highlighted
        return None if at is None or at >= len(self._found) else self._found[at]

    def _fill(self, show: int | None = None) -> None:
        """List the sessions that have the words; highlight ``show``, or about what was before."""
        options = self.query_one(OptionList)
        at = options.highlighted or 0
        try:
            self._found = self._store.list(self.query_one(Input).value, one_shots=self._one_shots)
        except ChatError as e:
            self._found = []
            self._say(phrases.sentence(e))
        options.clear_options()
        options.add_options(Option(self._line(info)) for info in self._found)
        if show is not None:
            at = next((i for i, info in enumerate(self._found) if info.id == show), at)
        options.highlighted = min(at, len(self._found) - 1) if self._found else None
        self._preview()
        self.refresh_bindings()

    def _line(self, info: SessionInfo) -> Content:
        mark = "● " if info.id == self._chat.session_id else "  "
        room = self.query_one(OptionList).size.width - len(mark) - 1  # the scrollbar
        name = Content(title(info)).truncate(max(1, room), ellipsis=True)
        about = f"{when(info.updated)} · {turns_in(info)} · {model_of(info)}"
        said = _snippet(info.snippet) if info.snippet else Content.styled(last_line(info), MUTED)
        return Content("\n").join(
            [
                Content.styled(mark, "$success") + name.stylize("bold"),
                *(
                    Content("  ") + line.truncate(max(1, room), ellipsis=True)
                    for line in (Content.styled(about, MUTED), said)
                ),
            ]
        )

    def _preview(self) -> None:
        preview, words = self.query_one(SessionPreview), self.query_one(Input).value
        info = self._current
        if info is None:
            preview.say("no session has these words" if words else "no session yet")
            return
        try:
            preview.show(self._store.peek(info.id), words)
        except ChatError as e:
            preview.say(phrases.sentence(e))

    def _say(self, text: str) -> None:
        self.query_one("#sessions-note", Static).update(Content(text))


def _snippet(text: str) -> Content:
    """Colour the found words between the marks."""
    start, end = HIT
    parts: list[Content] = []
    for i, part in enumerate(text.replace("\n", " ").split(start)):
        hit, _, rest = part.partition(end) if i else ("", "", part)
        parts += [Content.styled(hit, "$accent"), Content.styled(rest, MUTED)]
    return Content("").join(parts)
