"""Ctrl-C, SIGTERM and SIGHUP as one exception, so that ``with`` and ``finally`` clean up after all.

A second signal while the first is being cleaned up after is ignored; where somebody has swallowed
the first, as extension modules do while they are imported, it is raised again. Knows nothing of
what is interrupted.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP


class Interrupted(KeyboardInterrupt):
    """A signal asked the program to stop; ``exit_code`` is a shell's for that signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = signal.Signals(number)
        self.exit_code = 128 + number


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """Raise ``Interrupted`` in the block when a signal comes; leave alone what is ignored already.

    Outside the main thread, where handlers can't be set, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    # nohup and a shell's background jobs ignore signals on purpose.
    numbers = [n for n in numbers if signal.getsignal(n) is not signal.SIG_IGN]

    def stop(number: int, _: FrameType | None) -> None:
        if not _is_handled(sys.exc_info()[1]):
            raise Interrupted(number)

    before = {n: signal.signal(n, stop) for n in numbers}
    try:
        yield
    finally:
        for n, handler in before.items():
            signal.signal(n, handler)


def _is_handled(error: BaseException | None) -> bool:
    """Whether the error that is being handled is an interruption, or came while one was."""
    while error and not isinstance(error, Interrupted):
        error = error.__context__
    return error is not None
