"""Ctrl-C, SIGTERM and SIGHUP as one exception, so that ``with`` and ``finally`` clean up after all.

Raised once: a second signal while the first is being cleaned up after is ignored. Knows nothing of
what is interrupted.
"""

from __future__ import annotations

import contextlib
import signal
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
        for n in numbers:
            signal.signal(n, signal.SIG_IGN)
        raise Interrupted(number)

    before = {n: signal.signal(n, stop) for n in numbers}
    try:
        yield
    finally:
        for n, handler in before.items():
            signal.signal(n, handler)
