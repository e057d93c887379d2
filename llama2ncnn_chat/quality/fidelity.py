"""How near one model's log-probabilities come to another's over the same texts: numbers alone.

Knows no files and no formats; an engine is whatever gives logits for ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..model.engine import Engine

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Rows = npt.NDArray[np.floating[Any]]

SLICE = 64
"""Rows that are taken in float64 at once: a large vocabulary has a megabyte in each."""


@dataclass(frozen=True)
class Fidelity:
    """What came of a comparison; KL divergences from the reference, in nats a token.

    ``kl_99`` is the 99th percentile; ``perplexity`` is that of the texts under the compared model;
    ``same_top``, 0 to 1, is how often the likeliest token is the reference's.
    """

    mean_kl: float
    kl_99: float
    largest_kl: float
    perplexity: float
    same_top: float


def compare(
    reference: Iterable[Rows], logits: Iterable[Rows], texts: Iterable[Sequence[int]]
) -> Fidelity:
    """Hold logits after every id of texts against the reference's; log-probabilities will do."""
    found = [
        part
        for p, q, ids in zip(reference, logits, texts, strict=True)
        for part in _distances(p, q, ids)
    ]
    divergence, loss, same = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Fidelity(
        mean_kl=float(divergence.mean()),
        kl_99=float(np.quantile(divergence, 0.99)),
        largest_kl=float(divergence.max()),
        perplexity=float(np.exp(loss.mean())),
        same_top=float(same.mean()),
    )


def _distances(
    reference: Rows, logits: Rows, ids: Sequence[int]
) -> Iterator[tuple[Float64, Float64, npt.NDArray[np.bool_]]]:
    """KL of every row, what the next id costs, and whether the likeliest is the same."""
    for start in range(0, len(ids), SLICE):
        part = slice(start, start + SLICE)
        p, q = log_softmax(reference[part]), log_softmax(logits[part])
        after = ids[start + 1 : start + 1 + SLICE]
        yield (
            (np.exp(p) * (p - q)).sum(axis=1),
            -q[np.arange(len(after)), list(after)],
            p.argmax(axis=1) == q.argmax(axis=1),
        )


def log_softmax(logits: Rows) -> Float64:
    """Turn rows of logits into log-probabilities, which it leaves as they are."""
    x = logits.astype(np.float64)
    x -= x.max(axis=1, keepdims=True)
    x -= np.log(np.exp(x).sum(axis=1, keepdims=True))
    return x


def log_probabilities(logits: Float32) -> Float32:
    """Turn a whole text's logits into log-probabilities in their place, to be kept."""
    for start in range(0, len(logits), SLICE):
        logits[start : start + SLICE] = log_softmax(logits[start : start + SLICE])
    return logits


def logits_of(engine: Engine, ids: Sequence[int]) -> Float32:
    """Compute the logits after every id of a text, ``(time, vocab_size)``."""
    engine.rewind(0)
    return engine.forward_all(ids)
