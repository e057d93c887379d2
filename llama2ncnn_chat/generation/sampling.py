"""From logits to one token id. Knows no text, no model and no cache.

The order is llama.cpp's: penalties, top-k, top-p, min-p, temperature, draw. Every filter keeps a
prefix of the tokens in order of probability, so only the likeliest few are ever sorted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ..errors import Advice, ChatError
from .settings import Sampling

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Ids = npt.NDArray[np.intp]
BLOCK = 256
Sampler = Callable[[Float32, Sequence[int]], int]
"""``sampler(logits, recent_ids)`` samples an id from logits ``(vocab_size,)``, left
unchanged; never one of minus infinity."""


def make_sampler(settings: Sampling, rng: np.random.Generator) -> Sampler:
    """Return the sampler of these settings; it draws from ``rng`` once per token, greedy never."""
    penalise = _make_penalty(settings)
    if settings.temperature == 0 or settings.top_k == 1:
        return lambda logits, recent: _argmax(penalise(logits, recent))

    def sample_all(logits: Float32, recent: Sequence[int]) -> int:
        logits = penalise(logits, recent)
        above = logits - _max(logits)  # no sort: it would take as long as a small model's step
        return _draw(np.exp(above / np.float32(settings.temperature)), rng)

    def sample(logits: Float32, recent: Sequence[int]) -> int:
        ids, probabilities = candidates(penalise(logits, recent), settings)
        # In order of id, not of probability: two that are nearly as likely may swap places with
        # the rounding of another chunking, and the same seed must still give the same text.
        order = np.argsort(ids)
        return int(ids[order][_draw(probabilities[order], rng)])

    unfiltered = settings.top_k == 0 and settings.top_p >= 1 and settings.min_p <= 0
    return sample_all if unfiltered else sample


def _draw(weights: Float32 | Float64, rng: np.random.Generator) -> int:
    """Draw an index, as likely as its weight: first the block of them, then the one inside of it.

    A running sum over a whole vocabulary would take longer than all the rest of sampling.
    """
    sums = np.add.reduceat(weights, np.arange(0, len(weights), BLOCK), dtype=np.float64).cumsum()
    wanted = rng.random() * sums[-1]
    block = _place(sums, wanted)
    inside = weights[block * BLOCK : (block + 1) * BLOCK].cumsum(dtype=np.float64)
    below = sums[block - 1] if block else 0.0
    return block * BLOCK + _place(inside, wanted - below)


def _place(sums: Float64, wanted: float) -> int:
    """Return the index of the first running sum above ``wanted``.

    Where rounding leaves none above, it is the last that anything was added to: what has no weight
    is never drawn.
    """
    return int(min(np.searchsorted(sums, wanted, side="right"), np.searchsorted(sums, sums[-1])))


def candidates(logits: Float32, settings: Sampling) -> tuple[Ids, Float64]:
    """Return the ids that pass the filters, likeliest first, and their probabilities (sum 1).

    Both are ``(n,)`` for the ``n`` that are left of ``(vocab_size,)`` logits.
    """
    ids = _likeliest(logits, settings)
    values = logits[ids].astype(np.float64)
    order = np.argsort(-values, kind="stable")  # ties: lowest id first
    ids, values = ids[order], values[order]
    weights = np.exp(values - values[0])
    n = len(ids)
    if settings.top_p < 1:
        mass = np.cumsum(weights)
        total = mass[-1] if settings.top_k else _total(logits, values[0])
        n = min(n, 1 + int(np.searchsorted(mass, settings.top_p * total)))
    if settings.min_p > 0:
        n = min(n, int(np.searchsorted(-weights, -settings.min_p, side="right")))
    n = max(1, n)
    with np.errstate(over="ignore"):  # next to no temperature: all but the likeliest get exp(-inf)
        heated = np.exp((values[:n] - values[0]) / settings.temperature)
    return ids[:n], heated / heated.sum()


def _likeliest(logits: Float32, settings: Sampling) -> Ids:
    """Return ids, ascending, of which the filters keep a part: the top k exactly, if there is a k.

    Cheap tests on all logits leave few to look at closely: a sort of 32,000 takes longer than a
    small model's whole decode step.
    """
    size, top = logits.size, _max(logits)
    k = min(settings.top_k, size)
    if k:
        # Any threshold that leaves at least k keeps the top k among what is left.
        few = np.flatnonzero(logits > top - np.float32(8))
        if len(few) < k:
            few = np.arange(size)
        if len(few) == k:
            return few
        values = logits[few]
        kth = np.partition(values, len(few) - k)[len(few) - k]
        above = few[values > kth]
        ties = few[values == kth][: k - len(above)]  # lowest ids first
        return np.sort(np.concatenate([above, ties]))
    # Tokens with less than this fraction of the likeliest's weight can't be kept by top-p, even
    # all together, or by min-p.
    floor = max(settings.min_p, (1 - settings.top_p) / size)
    if floor <= 0:
        return np.arange(size)
    return np.flatnonzero(logits >= top + np.float32(np.log(floor) - 1e-3))


def _total(logits: Float32, top: float) -> float:
    return float(np.exp(logits - np.float32(top)).sum(dtype=np.float64))


def _make_penalty(s: Sampling) -> Callable[[Float32, Sequence[int]], Float32]:
    off = s.repeat_penalty == 1 and s.presence_penalty == 0 and s.frequency_penalty == 0
    if off or s.penalty_window == 0:
        return lambda logits, _recent: logits

    def penalise(logits: Float32, recent: Sequence[int]) -> Float32:
        window = recent[-s.penalty_window :]
        if not window:
            return logits
        ids, counts = np.unique(np.asarray(window), return_counts=True)
        logits = logits.copy()
        values = logits[ids]
        # Towards less likely on both sides of zero (CTRL, Keskar et al., 2019).
        values = np.where(values > 0, values / s.repeat_penalty, values * s.repeat_penalty)
        logits[ids] = values - s.presence_penalty - s.frequency_penalty * counts
        return logits

    return penalise


def _argmax(logits: Float32) -> int:
    at = int(logits.argmax())  # argmax stops at a NaN
    _refuse_nan(logits[at])
    return at


def _max(logits: Float32) -> np.float32:
    top: np.float32 = logits.max()
    _refuse_nan(top)
    return top


def _refuse_nan(top: np.float32) -> None:
    if not np.isfinite(top):
        raise ChatError(
            f"the model computes {top} for a logit: its weights are broken, or too much for their "
            "format",
            Advice.OTHER_WEIGHTS,
        )
