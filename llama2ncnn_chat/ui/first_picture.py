"""What stands on the screen while the full-screen face is imported: escape sequences alone.

It has the title where the face's own first picture has it. Imports nothing that takes time.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from .giving_back import given_back
from .terminal import command

TITLE = "llama2ncnn-chat"
WIDTH, SHARE, HEIGHT = 72, 0.9, 4
"""Columns, the most of the screen's, and rows of the opening screen's block, which is centred."""

BEGIN, END = "\x1b[?1049h\x1b[?25l\x1b[2J", "\x1b[?1049l\x1b[?25h"


@contextmanager
def first_picture() -> Iterator[Callable[[], None]]:
    """Draw a picture; yields what makes way for a face that takes the terminal, and draws over it.

    What is typed until then isn't drawn, and waits for the face. An error that comes before gives
    the screen back. Standard input and output are a terminal.
    """
    with ExitStack() as taken:
        taken.enter_context(given_back(sys.stdout))
        taken.enter_context(_keys_waiting())
        taken.push(_screen_given_back)
        column, row = title_at(*shutil.get_terminal_size())
        command(f"{BEGIN}\x1b[{row + 1};{column + 1}H\x1b[1m{TITLE}\x1b[0m")
        yield taken.close


def _screen_given_back(kind: object, *_more: object) -> None:
    if kind:
        command(END)


def title_at(columns: int, rows: int) -> tuple[int, int]:
    """Return the column and the row, from 0, of the title on a screen of that size."""
    return (columns - min(WIDTH, int(columns * SHARE))) // 2, max(0, rows - HEIGHT) // 2


@contextmanager
def _keys_waiting() -> Iterator[None]:
    """Have keys neither drawn nor obeyed inside: whoever reads then obeys them."""
    try:
        import termios
    except ImportError:  # not Unix
        yield
        return
    terminal = sys.stdin.fileno()
    before, now = termios.tcgetattr(terminal), termios.tcgetattr(terminal)
    now[0] &= ~(termios.ICRNL | termios.IXON)  # enter is no line's end to a face
    now[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG)
    termios.tcsetattr(terminal, termios.TCSANOW, now)
    try:
        yield
    finally:
        with suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(terminal, termios.TCSANOW, before)
