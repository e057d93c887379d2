"""Breaks a stream of styled text at words, without knowing what comes next.

A word that turns out not to fit is erased and begun again on the next row; nothing else is ever
written twice. Knows cells and escape codes, and no stream.
"""

from __future__ import annotations

import re

from prompt_toolkit.utils import get_cwidth

_PIECES = re.compile("\x1b\\[[0-9;]*m|.", re.DOTALL)


class Flow:
    """``column`` is how many cells of the row are in use, and never the whole row.

    On a full row a terminal's cursor is neither on it nor below; so its last cell is held back
    until the next one comes.
    """

    def __init__(self) -> None:
        self.column = 0
        self._word: list[str] = []  # what was written since the last place to break
        self._word_start = 0
        self._held: list[str] = []

    def feed(self, text: str, width: int, *, wrap: bool) -> str:
        """Return what to write for more text: ``width`` in cells, rows end at words if ``wrap``."""
        pieces, self._held = [*self._held, *_PIECES.findall(text)], []
        out: list[str] = []
        for piece in pieces:
            cells = 0 if piece[0] == "\x1b" else get_cwidth(piece)
            if piece == "\n":
                self._new_row(out)
            elif piece in " \t":
                self._space(out, piece, width, wrap=wrap)
            elif self.column + cells > width:
                self._overflow(out, piece, cells, wrap=wrap)
            else:
                self._append(out, piece, cells)
        if self.column >= width:
            self._hold_last(out)
        return "".join(out)

    def end(self) -> str:
        """Return what was held back, and a new row if one was begun."""
        out = "".join(self._held)
        if self.column or out:
            out += "\n"
        self._held, self.column = [], 0
        self._break_here()
        return out

    def _append(self, out: list[str], piece: str, cells: int) -> None:
        out.append(piece)
        self._word.append(piece)
        self.column += cells
        if cells > 1:  # scripts of wide characters break anywhere
            self._break_here()

    def _space(self, out: list[str], piece: str, width: int, *, wrap: bool) -> None:
        if piece == "\t":
            piece = " " * min(8 - self.column % 8, max(1, width - self.column))
        if self.column >= width:
            if wrap:  # a space at the end of a row is the end of the row
                self._new_row(out)
                return
            self.column = 0
        out.append(piece)
        self.column += len(piece)
        self._break_here()

    def _overflow(self, out: list[str], piece: str, cells: int, *, wrap: bool) -> None:
        if wrap and self._word_start:
            word = "".join(self._word)
            out += [f"\x1b[{self._word_start + 1}G\x1b[K\n{word}", piece]
            self._word.append(piece)
            self.column += cells - self._word_start
        else:  # a word as long as a row goes on below, as the terminal has it
            out.append(piece)
            self._word, self.column = [], cells
        self._word_start = 0

    def _new_row(self, out: list[str]) -> None:
        out.append("\n")
        self.column = 0
        self._break_here()

    def _break_here(self) -> None:
        self._word, self._word_start = [], self.column

    def _hold_last(self, out: list[str]) -> None:
        """Hold back the row's last cell, with what combines with it and the styles after it."""
        held: list[str] = []
        while out and not _cells(held):
            held.insert(0, out.pop())
        self._held = held
        self.column -= _cells(held)
        del self._word[max(0, len(self._word) - len(held)) :]


def _cells(pieces: list[str]) -> int:
    """Count the cells of pieces, which are characters or styles."""
    return sum(get_cwidth(piece) for piece in pieces if piece[0] != "\x1b")
