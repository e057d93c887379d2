"""The signals that ask a program to end, as this system has them. Knows nobody who handles them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

TERMINATE: tuple[int, ...] = tuple(
    # Windows has no SIGHUP.
    getattr(signal, name)
    for name in ("SIGTERM", "SIGHUP")
    if hasattr(signal, name)
)
ENDING: tuple[int, ...] = (signal.SIGINT, *TERMINATE)
"""The same and Ctrl+C's."""


@contextmanager
def ignored() -> Iterator[None]:
    """Ignore them in a block that ends what one of them began; in the main thread alone.

    A terminal that is closed sends several, one after the other.
    """
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
