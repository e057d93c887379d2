"""Gives the terminal back whatever ends the program, a crash in native code or a kill among it.

A small process stands by and waits for the program's end; unless it is told that all is well, it
sets the terminal as it was. Knows no face.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from typing import TextIO

from convert.streams import is_terminal

from .title import GIVE_BACK

HERE, AWAY = b"here\n", b"away\n"

LEAVE = (
    r"\033[?2026l\033[?1000l\033[?1003l\033[?1015l\033[?1006l\033[?1016l\033[?2048l\033[?2004l"
    r"\033[?1004l\033[<u\033[?1049l\033[?7h\033[?25h\033[0m"
)
"""Ends what a full-screen program begins: drawings at once, reports of mouse, size, pastes and
focus, its keyboard, its screen; wraps lines and shows the cursor."""

WATCH = (
    "last=here; while read -r said; do last=$said; done; "
    '[ "$last" = away ] || { stty "$1" <&1; printf "$2\\r\\n"; }'
)


class Watcher:
    """What stands by; nothing where there is no process."""

    def __init__(self, process: subprocess.Popen[bytes] | None) -> None:
        self._process = process

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Leave the terminal alone inside, whatever ends the program: it is the shell's."""
        self._say(AWAY)
        try:
            yield
        finally:
            self._say(HERE)

    def leave(self) -> None:
        """End it; all is well."""
        self._say(AWAY)
        if self._process and self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            self._process.wait()

    def _say(self, word: bytes) -> None:
        if self._process and self._process.stdin:
            with contextlib.suppress(OSError):  # it was killed itself
                self._process.stdin.write(word)
                self._process.stdin.flush()


@contextlib.contextmanager
def given_back(screen: TextIO | None, *, title: bool = False) -> Iterator[Watcher]:
    """Have the terminal that ``screen`` draws on set as it is now if the program dies inside.

    With ``title`` it has taken the terminal's title, too.

    Standard input won't do: it may be a terminal that is open to be read alone.
    """
    watcher = Watcher(_watching(screen, LEAVE + GIVE_BACK if title else LEAVE))
    try:
        yield watcher
    finally:
        watcher.leave()


def _watching(screen: TextIO | None, leave: str) -> subprocess.Popen[bytes] | None:
    """Start what stands by; None where there is no terminal, or no tools of Unix."""
    if not is_terminal(screen):
        return None
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        state = subprocess.run(
            ["stty", "-g"], stdin=screen, capture_output=True, check=True, text=True, timeout=5
        )
        # In a session of its own: no key and no shell's signal reaches it.
        return subprocess.Popen(
            ["sh", "-c", WATCH, "sh", state.stdout.strip(), leave],
            stdin=subprocess.PIPE,
            stdout=screen,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    return None
