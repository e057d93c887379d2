"""What a model is to the rest of the program: ids in, logits out, and a cache that can be trimmed.

Knows no text, no sampling and no ncnn; ``NcnnEngine`` is the real one, tests have a scripted one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .kv_cache import KvCache

Logits = npt.NDArray[np.float32]
Cancelled = Callable[[], bool]


class CalledOffError(Exception):
    """A forward pass was called off half-way; the tokens of that pass aren't in the cache."""


class Engine(Protocol):
    """A decoder with a KV cache of ``position`` tokens, of at most ``context_length``.

    ``prefill_chunk`` is how many tokens are best fed at once, so that a stop is never far away.
    ``note`` says why it is slower than it could be, or was slow to start; ``computed_by`` names all
    that its numbers depend on, to the last bit, besides the model; ``chunks_matter`` is whether on
    what else was fed in the same pass, too.
    """

    note: str
    computed_by: str
    vocab_size: int
    context_length: int
    prefill_chunk: int
    chunks_matter: bool
    threads: int

    @property
    def position(self) -> int:
        """How many tokens the cache holds."""

    def forward(self, ids: Sequence[int], cancelled: Cancelled | None = None) -> Logits:
        """Feed tokens; returns the logits ``(vocab_size,)`` that follow the last one.

        Raises ``CalledOffError`` soon after ``cancelled``, which is polled from layer to layer.
        """

    def forward_all(self, ids: Sequence[int]) -> Logits:
        """Feed tokens; returns the logits ``(len(ids), vocab_size)`` that follow each of them."""

    def rewind(self, position: int) -> None:
        """Forget all tokens from ``position`` on, in O(1)."""

    def cut(self, start: int, stop: int) -> None:
        """Forget the tokens from ``start`` to ``stop`` and move the later ones up in their place.

        Their keys become those of the new positions; what they have already heard of the forgotten
        tokens, they keep.
        """

    def snapshot(self) -> KvCache:
        """Return a copy of the cache."""

    def restore(self, cache: KvCache) -> None:
        """Replace the cache by a copy of ``cache``; later logits are what they would have been."""

    def close(self) -> None:
        """Give the memory back. The engine is of no use afterwards."""
