"""The conversation with its replies tinted, while that is asked for, and a cursor on a token.

Reads tokens as values of one moment; changes nothing in the conversation.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive

from ...chat.chat import Chat
from ...errors import ChatError
from ...events import Row, Tokens
from .heat_text import HeatText
from .transcript import Transcript
from .turn_view import TurnView

ACTIONS = ("point(-1)", "highlight(-1)", "surprise", "branch")
"""The keys for a token that the footer shows, as ``Talk`` binds them."""


class HeatTranscript(Transcript):
    """With ``heat`` replies are drawn by their tokens; ``cursor`` is in the selected one.

    ``place`` is that of the token that is looked at: under the mouse, else under the cursor.
    """

    heat: reactive[bool] = reactive(False, init=False)
    cursor: reactive[int] = reactive(0, init=False)
    hovered: reactive[tuple[Row, int] | None] = reactive(None, init=False)

    class Pointed(Message):
        """Another token is looked at, or there is other news of it."""

    def __init__(self, chat: Chat) -> None:
        super().__init__()
        self._chat = chat

    @property
    def reply(self) -> Row | None:
        """The selected reply; None if a message or nothing is selected."""
        row = self.row_of(self.selected)
        return row if row and row.role == "assistant" else None

    @property
    def place(self) -> tuple[Row, int] | None:
        """A reply, and the index of one of its tokens; None outside the heat."""
        if not self.heat:
            return None
        return self.hovered or ((reply, self.cursor) if (reply := self.reply) else None)

    @property
    def actions(self) -> list[str]:
        """What can be done about the token under the cursor, and then what about the turn."""
        mine = ACTIONS if self.heat and self.reply and self.has_focus else ()
        return [*mine, *super().actions]

    def tokens_of(self, row: Row) -> Tokens | None:
        """Return the tokens of a row's reply as they are now; None if it has just gone."""
        with suppress(ChatError):
            return self._chat.view.tokens(row.id)
        return None

    def watch_heat(self) -> None:
        self.hovered = None
        for view in self._views():
            self._heat_up(view)
        self.draw_tokens()

    def watch_cursor(self) -> None:
        self.hovered = None  # a key has moved it: that is where to look now
        self.draw_tokens()
        self.call_after_refresh(self._follow_cursor)

    def watch_selected(self, old: int | None, id: int | None) -> None:
        super().watch_selected(old, id)
        self.set_reactive(HeatTranscript.cursor, 0)
        self.draw_tokens()

    def watch_hovered(self) -> None:
        self.post_message(self.Pointed())

    def on_heat_text_hovered(self, message: HeatText.Hovered) -> None:
        message.stop()
        self.hovered = None if message.at is None else (message.row, message.at)

    def on_heat_text_clicked(self, message: HeatText.Clicked) -> None:
        message.stop()
        self.selected = message.row.id
        self.cursor = message.at

    async def show(self, rows: Sequence[Row]) -> None:
        """Draw this path, and of its replies the tokens as they are now."""
        await super().show(rows)
        self.draw_tokens()

    async def write(self, text: str) -> None:
        """Let the last reply grow by more text, and by the tokens that have come."""
        await super().write(text)
        self.draw_tokens(self._views()[-1:])

    def draw_tokens(self, views: Sequence[TurnView] | None = None) -> None:
        """Draw the tokens of some replies, all if None, as they are now, if that is wanted."""
        if self.heat:
            for view in self._views() if views is None else views:
                if view.heat and (tokens := self.tokens_of(view.row)):
                    cursor = self.cursor if view.row.id == self.selected else None
                    view.heat.show(tokens, cursor)
        self.post_message(self.Pointed())

    def _view(self, row: Row) -> TurnView:
        view = super()._view(row)
        self._heat_up(view)
        self.draw_tokens([view])
        return view

    def _heat_up(self, view: TurnView) -> None:
        heated = self.heat and view.row.role == "assistant"
        view.show_heat(HeatText(view.row, self._chat.vocabulary) if heated else None)

    def _follow_cursor(self) -> None:
        """Scroll to where the cursor can be seen."""
        for view in self._views():
            if view.heat and view.row.id == self.selected:
                top = view.heat.virtual_region.y + view.virtual_region.y
                row = Region(0, top + view.heat.cursor_row, 1, 1)
                self.scroll_to_region(row, animate=False, force=True)
