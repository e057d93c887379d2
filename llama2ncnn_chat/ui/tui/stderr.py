"""Keeps what libraries write to file descriptor 2 off the screen, which Textual draws there.

The screen gets a descriptor of its own, the others a log file. Knows no app.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...paths import make_private, state_dir


@contextmanager
def stderr_apart() -> Iterator[Path | None]:
    """Give the terminal to ``sys.__stderr__`` alone inside; yields the path of descriptor 2's log.

    The path is None where there is no place for a log; then nothing is changed.
    """
    log = _open_log()
    if log is None:
        yield None
        return
    before, errors = sys.__stderr__, os.dup(2)
    descriptor, path = log
    # A file that errors go to is no screen.
    screen = os.dup(2 if os.isatty(2) else 1)
    terminal = open(screen, "w", encoding="utf-8", errors="replace")  # noqa: SIM115
    try:
        os.dup2(descriptor, 2)
        sys.__stderr__ = terminal  # type: ignore[misc] # where Textual's driver writes
        yield path
    finally:
        with suppress(OSError):  # one that was closed from outside can't be flushed
            terminal.close()
        sys.__stderr__ = before  # type: ignore[misc]
        os.dup2(errors, 2)
        os.close(errors)
        os.close(descriptor)


def _open_log() -> tuple[int, Path] | None:
    with suppress(OSError):  # no place for a log: then the screen may be scribbled on
        path = make_private(state_dir() / "logs") / "stderr.log"
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), path
    return None
