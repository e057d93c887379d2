"""Watches how far an engine elsewhere is, and how long that took.

Knows what answers say; asks nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from ..events import PrefillProgress, Timings
from .dialect import Read

Clock = Callable[[], float]
"""Gives seconds."""


class Watch:
    """How much of a prompt has been read, and how long that and what followed took.

    ``n_prompt`` is how many tokens it has, 0 where nobody tells.
    """

    def __init__(self, clock: Clock, n_prompt: int = 0) -> None:
        self._clock, self._begin, self._n_prompt = clock, clock(), n_prompt
        self._first: float | None = None
        self._read = Read(0, 0)

    def note(self, read: Read) -> None:
        """Note what the engine tells."""
        self._read = read

    def reads(self) -> bool:
        """Tell whether the prompt was being read until now, when a token came."""
        if self._first is not None:
            return False
        self._first = self._clock()
        self._read = Read(self._read.cached, self._n_prompt - self._read.cached)
        return True

    def progress(self) -> PrefillProgress:
        """Return how far it is."""
        read, seconds = self._read, self._clock() - self._begin
        return PrefillProgress(read.processed, read.cached, self._n_prompt, seconds)

    def timings(self, n: int) -> Timings:
        """Return what ``n`` tokens took, and the prompt before."""
        now = self._clock()
        first = now if self._first is None else self._first
        return Timings(
            self._read.processed,
            1000 * (first - self._begin),
            self._read.cached,
            n,
            1000 * (now - first),
        )
