"""Finds stop strings in a stream of text, wherever the cuts between its pieces fall.

Knows no tokens. Text that may yet turn out to begin a stop string is held back.
"""

from __future__ import annotations

from collections.abc import Iterable


class StopFilter:
    """Passes text through up to the first stop string, which is not passed."""

    def __init__(self, stops: Iterable[str]) -> None:
        self._stops = tuple(s for s in stops if s)
        self._held = ""
        self.met: str | None = None

    def feed(self, text: str) -> str:
        """Return the text that is certain now; ``met`` is the stop string that was met."""
        held = self._held + text
        hits = [(at, stop) for stop in self._stops if (at := held.find(stop)) >= 0]
        if hits:
            at, self.met = min(hits)
            self._held = ""
            return held[:at]
        keep = max((_overlap(held, stop) for stop in self._stops), default=0)
        self._held = held[len(held) - keep :]
        return held[: len(held) - keep]

    def flush(self) -> str:
        """Return what was held back, at the end of a stream that met no stop string."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """Return the length of the longest end of ``text`` that is a beginning of ``stop``."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if stop.startswith(text[-n:])), 0)
