"""Writes a reply as it comes, with a line of status below it that never flickers.

The status line is drawn anew together with each piece and in one write. Knows escape codes, but no
prompt and no events.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable

from prompt_toolkit.utils import get_cwidth

from convert.streams import Styled, printable, put, styled

from ..terminal import DIM
from .flow import Flow

ERASE_BELOW, DOWN_AND_UP = "\x1b[J", "\x1bD\x1b[A"
SAVE, RESTORE, DOWN = "\x1b7", "\x1b8", "\x1b[B\r"


class Writer:
    """Writes text; with ``live``, rows end between words and a status may stand below.

    ``emit`` takes what is to be written at once.
    """

    def __init__(self, emit: Callable[[str], object] = put, *, live: bool, colour: bool) -> None:
        self._emit = emit
        self._live, self._colour = live, colour
        self._flow = Flow()
        self._plain_end = "\n"
        self._shown = False

    def write(self, text: str, status: str = "", *, wrap: bool = True) -> None:
        """Write more text, which may be styled, and the status as it is now."""
        text = printable(text)
        if not self._live:
            self._plain_end = text[-1:] or self._plain_end
            self._write(text)
            return
        width = shutil.get_terminal_size().columns
        out = ERASE_BELOW if self._shown else ""
        out += self._flow.feed(text, width, wrap=wrap)
        if status:
            status = _cut(printable(status), width - 1)
            shown = styled(DIM, status) if self._colour else status
            out += f"{DOWN_AND_UP}{SAVE}{DOWN}{shown}{RESTORE}"
        self._shown = bool(status)
        self._write(out)

    def end(self) -> None:
        """Erase the status and begin a new line if need be."""
        if self._live:
            self._write((ERASE_BELOW if self._shown else "") + self._flow.end())
            self._shown = False
        elif self._plain_end != "\n":
            self._write("\n")
            self._plain_end = "\n"

    def _write(self, text: str) -> None:
        if text:
            self._emit(Styled(text))


def _cut(text: str, width: int) -> str:
    """Cut a text to so many cells."""
    while text and get_cwidth(text) > width:
        text = text[:-1]
    return text
