"""The events of an operation that has a session for itself until they end.

Knows no session; what there is to release at the end, a callback does.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

from ..events import Event


class Claim:
    """Implements ``Events``; calls ``release`` once: at their end, after an error, or in ``close``.

    A generator alone would release nothing if it were dropped before its first event.
    """

    def __init__(self, steps: Generator[Event, None, None], release: Callable[[], None]) -> None:
        self._steps = steps
        self._release: Callable[[], None] | None = release

    def __iter__(self) -> Claim:
        return self

    def __next__(self) -> Event:
        try:
            return next(self._steps)
        except BaseException:
            self.close()
            raise

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """End the operation where it is and release what it had; more than once does no harm."""
        try:
            self._steps.close()
        finally:
            release, self._release = self._release, None
            if release:
                release()
