"""What the next reply gets besides the settings: its seed, and the words it is to begin with.

Counts the seed of each reply of a conversation on from the first. Knows a ledger alone.
"""

from __future__ import annotations

from dataclasses import replace

from ..conversation.ledger import Ledger
from ..conversation.settings import Settings


class NextReply:
    """Counts the runs and the replies that a ledger has got since this was made.

    ``words`` hold until there is a reply that has begun with them, however often it is refused.
    """

    def __init__(self, ledger: Ledger, words: str | None = None) -> None:
        self._ledger = ledger
        self.count_seeds()
        self.begin_with(words)

    @property
    def words(self) -> str | None:
        """What it is to begin with; None if nobody has said."""
        return self._words if self._ledger.n_replies == self._n_replies else None

    def begin_with(self, words: str | None) -> None:
        """Have it begin with these words; with none (""), as the model likes."""
        self._words, self._n_replies = words, self._ledger.n_replies

    def count_seeds(self) -> None:
        """Count on from the next reply: its seed is that of the settings."""
        self._n_runs = self._ledger.n_runs

    def settings(self, settings: Settings) -> Settings:
        """Return the settings that it is made with; no seed is a random one."""
        seed = settings.seed
        if seed is not None:
            seed += self._ledger.n_runs - self._n_runs
        return replace(settings, seed=seed, beginning=self.words)
