"""A reply by its tokens, each tinted by how likely it was, with a cursor on one of them.

Knows tokens and their numbers; neither keys nor what comes of a token.
"""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.widgets import Static

from ...events import Row, Tokens
from ...text.detokenizer import Detokenizer
from ...text.vocabulary import Vocabulary
from .token_text import coloured, lay_out, piece_of, place_at, tints


class HeatText(Static):
    """``show`` draws the tokens as they are now; a reply may grow."""

    class Clicked(Message):
        """A token of the reply of a row was clicked."""

        def __init__(self, row: Row, at: int) -> None:
            self.row, self.at = row, at
            super().__init__()

    class Hovered(Message):
        """The mouse is over a token of the reply of a row, or over none any more."""

        def __init__(self, row: Row, at: int | None) -> None:
            self.row, self.at = row, at
            super().__init__()

    def __init__(self, row: Row, vocabulary: Vocabulary) -> None:
        super().__init__(classes="heat")
        self.row = row
        self._tokens = Tokens((), {})
        self._cursor: int | None = None
        self._text = Detokenizer(vocabulary, begins=True)
        self._pieces: list[str] = []

    def show(self, tokens: Tokens, cursor: int | None) -> None:
        """Draw these tokens, which begin with those that were drawn before."""
        if (tokens, cursor) != (self._tokens, self._cursor):
            self._pieces += [piece_of(self._text, t) for t in tokens.ids[len(self._pieces) :]]
            self._tokens, self._cursor = tokens, cursor
            self._draw()

    @property
    def cursor_row(self) -> int:
        """The row of the cursor, from the top of the text."""
        laid = lay_out(self._pieces, self._width)
        return laid[self._cursor][0] if self._cursor is not None and laid else 0

    def on_resize(self) -> None:
        self._draw()

    def on_click(self, event: events.Click) -> None:
        if (at := self._at(event)) is not None:
            self.post_message(self.Clicked(self.row, at))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.post_message(self.Hovered(self.row, self._at(event)))

    def on_leave(self) -> None:
        self.post_message(self.Hovered(self.row, None))

    def _at(self, event: events.MouseEvent) -> int | None:
        """Return the token under the mouse, if any."""
        return place_at(lay_out(self._pieces, self._width), event.x, event.y)

    @property
    def _width(self) -> int:
        return max(10, self.content_size.width)

    def _draw(self) -> None:
        if self.content_size.width:
            shades = tints(self.app.console, no_colour=self.app.no_color)
            choices = self._tokens.choices
            self.update(coloured(self._pieces, self._width, self._cursor, choices, shades))
