"""As much of a terminal as the line-by-line face asks for, to see what a person would see."""

from __future__ import annotations

import re

from prompt_toolkit.utils import get_cwidth

_PIECES = re.compile("\x1b\\[[0-9;?]* ?[A-Za-z]|\x1b\\].*?\x07|\x1b.|.", re.DOTALL)


class MiniTerminal:
    """A grid of cells with a cursor; a full row wraps with the next character, as VT100s do."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.columns, self.rows = columns, rows
        self.above: list[str] = []
        self.grid = [[" "] * columns for _ in range(rows)]
        self.row = self.column = 0
        self._pending = False
        self._saved = (0, 0)

    def write(self, text: str) -> None:
        for piece in _PIECES.findall(text):
            if piece[0] == "\x1b":
                self._escape(piece)
            elif piece == "\n":
                self._down()
                self.column, self._pending = 0, False
            elif piece == "\r":
                self.column, self._pending = 0, False
            elif piece == "\b":
                self._move("D", [1])
            elif cells := get_cwidth(piece):
                self._put(piece, cells)

    def flush(self) -> None: ...

    def lines(self) -> list[str]:
        """All rows, those that were scrolled away too, up to the last that isn't empty."""
        rows = self.above + ["".join(row) for row in self.grid]
        rows = [row.rstrip() for row in rows]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def _put(self, character: str, cells: int) -> None:
        if self._pending or self.column + cells > self.columns:
            self._down()
            self.column, self._pending = 0, False
        self.grid[self.row][self.column] = character
        if cells == 2:
            self.grid[self.row][self.column + 1] = ""
        self.column += cells
        if self.column == self.columns:
            self.column, self._pending = self.columns - 1, True

    def _down(self) -> None:
        if self.row == self.rows - 1:
            self.above.append("".join(self.grid.pop(0)))
            self.grid.append([" "] * self.columns)
        else:
            self.row += 1

    def _escape(self, piece: str) -> None:
        if piece in ("\x1b7", "\x1b8", "\x1bD"):
            self._special(piece)
        elif piece[1] == "]" or piece[-1] in "mhlqt" or piece == "\x1b[6n":
            return  # titles, styles, modes, cursor shapes, requests
        elif piece[1] == "[" and piece[-1] in "ABCDGH":
            self._move(piece[-1], [int(n or 1) for n in piece[2:-1].split(";")])
        elif piece[1] == "[" and piece[-1] in "JK":
            self._erase(piece)
        else:
            raise AssertionError(f"unknown escape {piece!r}")

    def _special(self, piece: str) -> None:
        if piece == "\x1b7":
            self._saved = (self.row, self.column)
            return
        if piece == "\x1b8":
            self.row, self.column = self._saved
        else:
            self._down()
        self._pending = False

    def _move(self, kind: str, numbers: list[int]) -> None:
        n = numbers[0]
        if kind == "H":
            self.row, self.column = n - 1, (numbers[1] - 1 if len(numbers) > 1 else 0)
        elif kind in "CDG":
            to = n - 1 if kind == "G" else self.column + (n if kind == "C" else -n)
            self.column = min(self.columns - 1, max(0, to))
        else:
            to = self.row + (n if kind == "B" else -n)
            self.row = min(self.rows - 1, max(0, to))
        self._pending = False

    def _erase(self, piece: str) -> None:
        whole = piece == "\x1b[2J"
        self._blank(self.row, 0 if whole else self.column)
        if piece[-1] == "J":
            for row in range(0 if whole else self.row + 1, self.rows):
                self._blank(row, 0)

    def _blank(self, row: int, column: int) -> None:
        self.grid[row][column:] = [" "] * (self.columns - column)
