"""The signals that ask a program to end."""

from __future__ import annotations

import signal

TERMINATE: tuple[int, ...] = tuple(
    # Windows has no SIGHUP.
    getattr(signal, name)
    for name in ("SIGTERM", "SIGHUP")
    if hasattr(signal, name)
)
ENDING: tuple[int, ...] = (signal.SIGINT, *TERMINATE)
"""Ctrl-C besides."""
