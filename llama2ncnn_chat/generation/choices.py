"""What a model thought of a token that was sampled: its probability, and the likeliest others.

Knows logits; no sampler, no text and no model.
"""

from __future__ import annotations

import numpy as np

from ..events import Choice
from .sampling import Float32
from .settings import N_TOP


def choice_of(logits: Float32, token: int, n: int = N_TOP) -> Choice:
    """Return the choice of ``token`` from logits ``(vocab_size,)``, with the ``n`` likeliest."""
    n = min(n, logits.size)
    least = np.partition(logits, logits.size - n)[logits.size - n]
    top = np.flatnonzero(logits >= least)
    top = top[np.argsort(-logits[top], kind="stable")][:n]  # ties: lowest id first
    highest = logits[top[0]]
    total = float(np.exp(logits - highest).sum(dtype=np.float64))

    def probability(i: int) -> float:
        if i >= logits.size:  # padding, as older versions may have written
            return 0.0
        return float(np.exp(np.float64(logits[i] - highest))) / total

    return Choice(token, probability(token), tuple((int(i), probability(int(i))) for i in top))
