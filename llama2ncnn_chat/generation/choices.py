"""What a model thought of each token it chose: its probability, and the likeliest others.

A sampler that is watched samples as it did before. Knows no text and no model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .sampling import Float32, Sampler

N_TOP = 10


@dataclass(frozen=True)
class Choice:
    """A token, and the model's own probabilities of it and of the likeliest, before any setting."""

    token: int
    probability: float
    top: tuple[tuple[int, float], ...]

    def instead(self, token: int) -> Choice:
        """Had another of the likeliest been chosen."""
        return replace(self, token=token, probability=dict(self.top).get(token, 0.0))


def watched(sampler: Sampler, watch: Callable[[Choice], object]) -> Sampler:
    """The same sampler, telling of every choice."""

    def sample(logits: Float32, recent: Sequence[int]) -> int:
        token = sampler(logits, recent)
        watch(choice_of(logits, token))
        return token

    return sample


def choice_of(logits: Float32, token: int, n: int = N_TOP) -> Choice:
    """The choice of ``token`` from these logits, with the ``n`` likeliest."""
    n = min(n, logits.size)
    least = np.partition(logits, logits.size - n)[logits.size - n]
    top = np.flatnonzero(logits >= least)
    top = top[np.argsort(-logits[top], kind="stable")][:n]  # ties: lowest id first
    highest = logits[top[0]]
    total = float(np.exp(logits - highest).sum(dtype=np.float64))

    def probability(i: int) -> float:
        return float(np.exp(np.float64(logits[i] - highest))) / total

    return Choice(token, probability(token), tuple((int(i), probability(int(i))) for i in top))
