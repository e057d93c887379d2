"""The engine of a chat that has no model at the moment: refuses, and keeps nothing.

Stands in where one model was closed and the next isn't open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from ..errors import Advice, ModelError
from .engine import Cancelled
from .kv_cache import KvCache


class NoEngine:
    """Implements ``Engine``: raises ``ModelError`` for whatever takes a model."""

    note = computed_by = ""
    vocab_size = position = 0
    prefill_chunk, chunks_matter = 1, False

    def __init__(self, context_length: int, threads: int) -> None:
        self.context_length, self.threads = context_length, threads

    def forward(self, ids: Sequence[int], cancelled: Cancelled | None = None) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        raise ModelError("no model is open", Advice.OPEN_MODEL)

    def forward_all(self, ids: Sequence[int]) -> NoReturn:
        """Refuse."""
        self.forward(ids)

    def rewind(self, position: int) -> None:
        """Do nothing: there is nothing to forget."""

    def cut(self, start: int, stop: int) -> None:
        """Do nothing: there is nothing to forget."""

    def snapshot(self) -> NoReturn:
        """Refuse."""
        self.forward(())

    def restore(self, cache: KvCache) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        self.forward(())

    def close(self) -> None:
        """Do nothing: no memory is held."""
