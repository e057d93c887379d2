"""Counts the seed of each reply of a conversation on from the first. Knows a ledger alone."""

from __future__ import annotations

from ..conversation.ledger import Ledger


class Seeds:
    """Counts the runs that a ledger has got since this was made."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._before = ledger.n_runs

    def next(self, first: int | None) -> int | None:
        """Return the seed of the next run, if ``first`` was that of the first; None is random."""
        return None if first is None else first + self._ledger.n_runs - self._before
