"""Remembers the first press of a key that has to be pressed twice. Knows the time alone."""

from __future__ import annotations

import time

ARMED_SECONDS = 3.0


class Armed:
    """True for a few seconds after ``arm``: Ctrl+C had nothing to clear, and another one quits."""

    def __init__(self) -> None:
        self._until = 0.0

    def __bool__(self) -> bool:
        return time.monotonic() < self._until

    def arm(self) -> None:
        """Remember that it was pressed, for a while."""
        self._until = time.monotonic() + ARMED_SECONDS

    def disarm(self) -> None:
        """Forget that it was pressed."""
        self._until = 0.0
