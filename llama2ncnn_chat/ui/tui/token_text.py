"""Draws a reply's tokens as coloured text: pieces, their rows, and tints of probability.

Pure functions; knows no widget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console
from textual.content import Content

from convert.streams import printable

from ...events import Choice
from ...text.detokenizer import Detokenizer
from ..likelihood import Tints, tint, tints_of
from .status import MUTED

TINTS = tints_of("", "on $success 22%", "on $warning 30%", "on $warning 55%", "on $error 55%")
BOLD_TINTS = tints_of(
    "", "underline", "underline $warning", "bold underline $warning", "bold underline $error"
)
"""Of 16 colours all pale backgrounds are one grey."""
MONOCHROME = tints_of("", "dim underline", "underline", "bold underline", "bold italic underline")


def tints(console: Console, *, no_colour: bool) -> Tints:
    """Return what can be told apart on a terminal; ``no_colour``: the person wants none."""
    if no_colour or console.color_system is None:
        return MONOCHROME
    return TINTS if console.color_system in ("256", "truecolor") else BOLD_TINTS


def legend(tints: Tints) -> Content:
    """Draw what the tints mean."""
    parts = [Content.styled("likely ", MUTED)]
    parts += [Content.styled(f" {least:.0%} ", style or MUTED) for least, style in tints]
    return Content("").join([*parts, Content.styled(" surprising", MUTED)])


def piece_of(text: Detokenizer, token: int) -> str:
    """Return the text that becomes complete with the next token."""
    return printable(text.feed(token))


def lay_out(pieces: Sequence[str], width: int) -> list[tuple[int, str]]:
    """Return the row that each token begins in, and what is shown of it there.

    Lines break before words, long words at tokens; a word that begins a line does so at its edge.
    """
    laid, row, column = [], 0, 0
    for i, piece in enumerate(pieces):
        shown = shown_as(piece)
        begins_word = piece[:1].isspace() or column == 0
        needed = _word_width(pieces, i) if begins_word else cell_len(shown)
        if column and column + min(needed, width) > width:
            row, column = row + 1, 0
            shown = shown.lstrip(" ") or shown
        laid.append((row, shown))
        breaks = piece.count("\n")
        row += breaks
        column = 0 if breaks else column + cell_len(shown)
    return laid


def _word_width(pieces: Sequence[str], start: int) -> int:
    """Count the cells of the token and those that go on with its word."""
    width = cell_len(shown_as(pieces[start]))
    for piece in pieces[start + 1 :]:
        if not piece or piece[0].isspace():
            break
        width += cell_len(piece)
    return width


def shown_as(piece: str) -> str:
    """Return a piece as it is shown: newlines get a sign before they break, nothing is a dot."""
    return piece.replace("\n", "⏎") or "·"


def place_at(laid: Sequence[tuple[int, str]], x: int, y: int) -> int | None:
    """Return the index of the token at that cell of a row; None where there is none."""
    column = 0
    for i, (row, shown) in enumerate(laid):
        if row == y and column <= x < column + cell_len(shown):
            return i
        column = column + cell_len(shown) if row == y else 0
    return None


def coloured(
    pieces: Sequence[str],
    width: int,
    cursor: int | None,
    choices: Mapping[int, Choice],
    tints: Tints,
) -> Content:
    """Draw all tokens on rows of ``width`` cells, the one under the cursor reversed."""
    parts: list[Content] = []
    before = 0
    for i, (row, shown) in enumerate(lay_out(pieces, width)):
        parts.append(Content("\n" * (row - before)))
        choice = choices.get(i)
        style = (
            "reverse bold" if i == cursor else tint(choice.probability if choice else None, tints)
        )
        parts.append(Content.styled(shown, style) if style else Content(shown))
        before = row
    return Content("").join(parts)
