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
def first_picture(*, title: bool) -> Iterator[Callable[[], ExitStack]]:
    """Draw a picture; yields what has a face take over the terminal and the screen that it is on.

    What is typed until then isn't drawn, and waits for the face, to which the terminal is as it was
    found. It leaves the stack that it gets when it ends; until then the terminal is given back if
    the program dies, with its ``title`` if that is taken, too. An error before gives the screen
    back. Standard input and output are a terminal.
    """
    with ExitStack() as taken, ExitStack() as keys:
        taken.enter_context(given_back(sys.stdout, title=title))
        taken.push(_screen_given_back)
        keys.enter_context(_keys_waiting())
        column, row = title_at(*shutil.get_terminal_size())
        command(f"{BEGIN}\x1b[{row + 1};{column + 1}H\x1b[1m{TITLE}\x1b[0m")

        def take_over() -> ExitStack:
            keys.close()
            return taken.pop_all()

        yield take_over


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
