"""The line that was begun and not ended when something ends the program: of the system's terminal.

Knows who holds it, Python's line editor or the terminal itself, and nothing of what it is for.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def take_half_line(*, editing: bool) -> str:
    """Return what standard input has of a line that nobody ended; nothing if it is no terminal."""
    with suppress(ImportError):  # Windows has neither
        return _of_editor() if editing else _out_of_terminal()
    return ""


def _of_editor() -> str:
    import readline

    return readline.get_line_buffer()


def _out_of_terminal() -> str:
    """Take it out of the terminal, which would give it to the shell."""
    import termios

    with suppress(OSError, ValueError, termios.error):  # closed, hung up, no terminal
        terminal = sys.stdin.fileno()
        if os.tcgetpgrp(terminal) != os.getpgrp():  # who sets another's terminal is stopped
            return ""
        before, now = termios.tcgetattr(terminal), termios.tcgetattr(terminal)
        now[3] &= ~(termios.ICANON | termios.ECHO)
        now[6][termios.VMIN] = now[6][termios.VTIME] = 0  # without waiting
        termios.tcsetattr(terminal, termios.TCSANOW, now)
        try:
            return os.read(terminal, 1 << 16).decode(errors="replace")
        finally:
            termios.tcsetattr(terminal, termios.TCSANOW, before)
    return ""
