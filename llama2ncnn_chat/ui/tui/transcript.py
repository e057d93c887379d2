"""The conversation on the screen, a cursor in it, and keys for what can be done about a turn.

Posts what the reader wants done; changes nothing in the conversation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar, Literal

from textual.binding import BindingType
from textual.message import Message
from textual.reactive import reactive

from ...chat.turn_actions import Action
from ...events import Row
from .keys import key
from .message_keys import actions_for
from .row_scroll import RowScroll
from .turn_view import TurnView

Wish = Action | Literal["tokens"]


_key = partial(key, "turn")
_shown = partial(_key, show=True)


class Transcript(RowScroll):
    """``show`` draws a path; the turn under the cursor is ``selected``, by its id."""

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("k,up", "select(-1)", "Previous message", "One message up"),
        _key("j,down", "select(1)", "Next message", "One message down"),
        _key("g,home", "first", "First message", "To the beginning"),
        _key("G,end", "last", "Last message", "To the end"),
        _shown("y", "want('copy')", "Copy", "The message to the clipboard"),
        _shown("e", "want('edit')", "Edit", "Change the words and go on from them"),
        _shown("r", "want('regenerate')", "Again", "Another reply, the old one is kept"),
        _shown("left,h", "want('previous')", "Versions", "The version before"),
        _key("right,l", "want('next')", "Versions", "The version after"),
        _shown("t", "want('tokens')", "Tokens", "How sure the model was of each token"),
        _shown("c", "want('proceed')", "Continue", "Go on with a reply that stopped"),
        _key("shift+right,L", "scroll_code(8)", "Code right", "The rest of its long lines of code"),
        _key("shift+left,H", "scroll_code(-8)", "Code left", "Back to where its lines begin"),
        _shown("Y", "want('copy_code')", "Code", "Its last block of code to the clipboard"),
        _shown("o", "fold", "Reasoning", "Open or fold what the model thought"),
    ]

    selected: reactive[int | None] = reactive(None, init=False)

    def __init__(self) -> None:
        super().__init__()
        self._opened: set[int] = set()  # the replies whose reasoning is shown, by their ids

    class Wanted(Message):
        """The reader wants something done about the turn of a row."""

        def __init__(self, wish: Wish, row: Row) -> None:
            self.wish, self.row = wish, row
            super().__init__()

    # What is drawn

    @property
    def actions(self) -> list[str]:
        """What can be done about the turn under the cursor, or the last; none without the keys."""
        row = self._row if self.has_focus else None
        return list(actions_for(row, self.selected_reply)) if row else []

    @property
    def _row(self) -> Row | None:
        return self.row_of(self.selected) or (self._rows[-1] if self._rows else None)

    @property
    def selected_reply(self) -> Row | None:
        """The reply under the cursor, or that to the message under it; else the last one."""
        row = self._row
        if row and row.role == "user":
            return next(iter(self._rows[row.index + 1 :]), None)
        return row

    async def add(self, row: Row) -> None:
        """Draw a turn at its place in the path, and nothing after it; a reader's cursor follows."""
        await self.show([*self._rows[: row.index], row])
        if self.has_focus:
            self.selected = row.id

    async def remove_turn(self, id: int) -> None:
        """Draw a turn no more."""
        await self.show([row for row in self._rows if row.id != id])

    async def update_turn(self, row: Row) -> None:
        """Draw what is new about a turn."""
        await self.show([row if each.id == row.id else each for each in self._rows])

    async def hide_before(self, start: int) -> None:
        """Draw that the model sees the path from its place ``start`` on."""
        rows = list(self._rows)
        for i in reversed(range(len(rows))):
            row = replace(rows[i], hidden=i < start, begins=0 < i == start)
            if row.hidden and row == rows[i]:  # and so are all above
                break
            rows[i] = row
        await self.show(rows)

    async def write(self, text: str) -> None:
        """Let the last reply grow by more text."""
        if view := self.last_view:
            await view.write(text)
        if self._rows:
            last = self._rows[-1]
            self._rows[-1] = replace(last, text=last.text + text)

    async def show(self, rows: Sequence[Row]) -> None:
        """Draw this path; what is selected stays selected, if it is still there."""
        await super().show(rows)
        for view in self._views():
            view.number_code(self._is_numbered(view.row))
        if self.row_of(self.selected) is None:
            self.selected = None

    async def show_end(self, rows: Sequence[Row]) -> None:
        """Draw these rows as the end of the path, whose beginning is drawn already."""
        await self.show([*self._rows[: rows[0].index], *rows] if rows else [])

    async def reset(self) -> None:
        """Remove everything, for another conversation."""
        self.selected = None
        await super().reset()

    # Moving about

    def watch_selected(self, _old: int | None, id: int | None) -> None:
        for view in self._views():
            view.set_class(view.row.id == id, "-selected")
        self.refresh_bindings()

    async def action_select(self, step: int) -> None:
        """Select the turn so many further down (up if negative), or the last one."""
        at = self._index(self.selected)
        at = len(self._rows) - 1 if at is None else at + step
        async with self._changing:
            if 0 <= at < len(self._rows):
                await self._reach(at)
                self._select(at)
            elif step > 0:
                await self._to_end()

    async def action_first(self) -> None:
        """Select the first turn."""
        async with self._changing:
            if self._rows:
                await self._jump(0)
                self._select(0)
                self.scroll_home(animate=False)

    async def action_last(self) -> None:
        """Select the last turn, and stay at the end."""
        async with self._changing:
            await self._to_end()
            if self._rows:
                self.selected = self._rows[-1].id

    def action_want(self, wish: Wish) -> None:
        """Post what is wanted about the selected turn, or the last one."""
        if row := self._row:
            self.post_message(self.Wanted(wish, row))

    def action_scroll_code(self, cells: int) -> None:
        """Scroll the code of the selected reply, or the last one, to the right by so much."""
        reply = self.selected_reply
        for view in self._views():
            if reply and view.row.id == reply.id:
                view.scroll_code(cells)

    def action_fold(self) -> None:
        """Open or fold the reasoning of the selected reply, or the last one."""
        if row := self.selected_reply:
            self._fold(row)

    def on_turn_view_thought_clicked(self, message: TurnView.ThoughtClicked) -> None:
        message.stop()
        self._fold(message.row)

    def on_turn_view_version_clicked(self, message: TurnView.VersionClicked) -> None:
        message.stop()
        self.post_message(self.Wanted(message.wish, message.row))

    def on_turn_view_clicked(self, message: TurnView.Clicked) -> None:
        message.stop()
        self.selected = message.row.id

    def on_focus(self) -> None:
        if self.selected is None and self._rows:
            self.selected = self._rows[-1].id

    def _select(self, at: int) -> None:
        self.selected = self._rows[at].id
        view = self._views()[at - self._first]
        self.scroll_to_widget(view, animate=False, top=view.size.height > self.size.height)

    def _fold(self, row: Row) -> None:
        self._opened ^= {row.id}
        for view in self._views():
            if view.row.id == row.id:
                view.open_thought(row.id in self._opened)

    def _is_numbered(self, row: Row) -> bool:
        """Tell whether it is the last reply, whose code ``/copy code`` means."""
        replies = (each for each in reversed(self._rows) if each.role == "assistant")
        return row.id == next((each.id for each in replies), None)

    def _view(self, row: Row) -> TurnView:
        view = TurnView(row, opened=row.id in self._opened, numbered=self._is_numbered(row))
        view.set_class(row.id == self.selected, "-selected")
        return view
