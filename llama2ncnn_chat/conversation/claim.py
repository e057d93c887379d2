"""The events of an operation that has a session for itself, until they end. Knows no session."""

from __future__ import annotations

from collections.abc import Callable, Generator

from ..events import Event


class Claim:
    """Implements ``Events``. Lets go once: at the end of the events, by an error, or by ``close``.

    A generator alone would let go of nothing if it were dropped before its first event.
    """

    def __init__(self, steps: Generator[Event, None, None], let_go: Callable[[], None]) -> None:
        self._steps = steps
        self._let_go: Callable[[], None] | None = let_go

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
        """End the operation where it is and let go; more than once does no harm."""
        try:
            self._steps.close()
        finally:
            let_go, self._let_go = self._let_go, None
            if let_go:
                let_go()
