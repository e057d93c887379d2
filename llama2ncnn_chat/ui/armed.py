"""A key that does something only when it is pressed twice in a row. Knows the time alone."""

from __future__ import annotations

import time

ARMED_SECONDS = 3.0


class Armed:
    """Whether Ctrl+C was pressed with nothing to clear, so that another one quits."""

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
