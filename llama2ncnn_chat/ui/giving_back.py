"""Gives the terminal back whatever ends the program, a crash in native code or a kill among it.

A small process stands by and waits for the program's end; unless it is told that all is well, it
sets the terminal as it was. Knows no face.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from typing import TextIO

from .terminal import is_terminal

WELL = b"well\n"

LEAVE = (
    r"\033[?2026l\033[?1000l\033[?1003l\033[?1015l\033[?1006l\033[?1016l\033[?2048l\033[?2004l"
    r"\033[?1004l\033[<u\033[?1049l\033[?7h\033[?25h\033[0m"
)
"""Ends what a full-screen program begins: drawings at once, reports of mouse, size, pastes and
focus, its keyboard, its screen; wraps lines and shows the cursor."""

WATCH = 'read -r said || { stty "$1" <&1; printf "$2\\r\\n"; }'


@contextlib.contextmanager
def given_back(stream: TextIO | None) -> Iterator[None]:
    """Have the terminal behind ``stream`` set as it is now if the program dies inside."""
    watcher = _watcher(stream)
    try:
        yield
    finally:
        if watcher and watcher.stdin:
            with contextlib.suppress(OSError):  # it was killed itself
                watcher.stdin.write(WELL)
                watcher.stdin.close()
            watcher.wait()


def _watcher(stream: TextIO | None) -> subprocess.Popen[bytes] | None:
    """Start what stands by; None where there is no terminal, or no tools of Unix."""
    if not is_terminal(stream):
        return None
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        state = subprocess.run(
            ["stty", "-g"], stdin=stream, capture_output=True, check=True, text=True, timeout=5
        )
        # In a session of its own: no key and no shell's signal reaches it.
        return subprocess.Popen(
            ["sh", "-c", WATCH, "sh", state.stdout.strip(), LEAVE],
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    return None
