"""The signals that ask a program to end, as this system has them. Knows nobody who handles them."""

from __future__ import annotations

import signal

TERMINATE: tuple[int, ...] = tuple(
    # Windows has no SIGHUP.
    getattr(signal, name)
    for name in ("SIGTERM", "SIGHUP")
    if hasattr(signal, name)
)
ENDING: tuple[int, ...] = (signal.SIGINT, *TERMINATE)
"""The same and Ctrl+C's."""
