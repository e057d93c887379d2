"""How long the keys of a table can be at a place of a text, so that few are looked up.

It knows no texts and no tables, only how keys begin.
"""

from __future__ import annotations

from collections.abc import Iterable


class Lengths:
    """The lengths that keys have, by their first two characters (or by their only one)."""

    def __init__(self, keys: Iterable[str]) -> None:
        """Take the keys; none may be empty."""
        by_start: dict[str, set[int]] = {}
        for key in keys:
            by_start.setdefault(key[:2], set()).add(len(key))
        self._by_start = {start: sorted(lengths) for start, lengths in by_start.items()}

    def at(self, text: str, at: int) -> list[int]:
        """Return the lengths that a key at that place of the text can have, the shortest first."""
        alone = [1] if text[at] in self._by_start else []
        pair = text[at : at + 2]
        if len(pair) < 2 or pair not in self._by_start:
            return alone
        room = len(text) - at
        longer = self._by_start[pair]
        return alone + (longer if longer[-1] <= room else [n for n in longer if n <= room])
