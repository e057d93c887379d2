"""What a RoPE comes to in numbers: frequencies, and tables of cosines and sines.

A rule is one function of ``_RULES``. Sources: RoFormer (Su et al., 2021), YaRN (Peng et al., 2023),
and for the rules' details transformers' ``modeling_rope_utils.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .rope import Rope

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


def inverse_frequencies(rope: Rope, head_dim: int) -> Float64:
    """Compute the angle per position of every pair, in radians, ``(head_dim / 2,)``."""
    return _RULES[rope.rule](rope, head_dim)


def tables(rope: Rope, head_dim: int, start: int, stop: int) -> tuple[Float32, Float32]:
    """Compute cosines and sines of positions, each ``(stop - start, head_dim / 2)``.

    The angles are formed in float64: in float32 they would be off by 1e-3 at position 10,000.
    """
    positions = np.arange(start, stop, dtype=np.float64)
    angles = positions[:, None] * inverse_frequencies(rope, head_dim)
    cos, sin = rope.attention_factor * np.cos(angles), rope.attention_factor * np.sin(angles)
    return cos.astype(np.float32), sin.astype(np.float32)


def _default(rope: Rope, head_dim: int) -> Float64:
    frequencies: Float64 = rope.theta ** (-np.arange(0, head_dim, 2, dtype=np.float64) / head_dim)
    return frequencies


def _linear(rope: Rope, head_dim: int) -> Float64:
    return _default(rope, head_dim) / rope.factor


def _llama3(rope: Rope, head_dim: int) -> Float64:
    frequencies = _default(rope, head_dim)
    turns = rope.original_context * frequencies / (2 * math.pi)
    low, high = rope.low_freq_factor, rope.high_freq_factor
    kept: Float64 = np.clip((turns - low) / (high - low), 0, 1)
    return (1 - kept) * frequencies / rope.factor + kept * frequencies


def _yarn(rope: Rope, head_dim: int) -> Float64:
    def pair_that_turns(times: float) -> float:
        wavelength = rope.original_context / (times * 2 * math.pi)
        return head_dim * math.log(wavelength) / (2 * math.log(rope.theta))

    first, last = pair_that_turns(rope.beta_fast), pair_that_turns(rope.beta_slow)
    if rope.truncate:
        first, last = math.floor(first), math.ceil(last)
    # The upper bound is the one of transformers, of numbers and not of pairs.
    first, last = max(first, 0), min(last, head_dim - 1)
    if first == last:
        last += 0.001
    stretched: Float64 = np.clip((np.arange(head_dim // 2) - first) / (last - first), 0, 1)
    frequencies = _default(rope, head_dim)
    return stretched * frequencies / rope.factor + (1 - stretched) * frequencies


def _divisors(rope: Rope, head_dim: int) -> Float64:
    divisors: Float64 = np.array(rope.divisors)
    return _default(rope, head_dim) / divisors


_RULES: dict[str, Callable[[Rope, int], Float64]] = {
    "default": _default,
    "linear": _linear,
    "dynamic": _default,  # up to the original context
    "llama3": _llama3,
    "yarn": _yarn,
    "divisors": _divisors,
}
