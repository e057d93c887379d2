"""Rotary position embedding (RoPE): which frequencies, which numbers make a pair, what tables.

A rule is one function of ``_RULES``. Knows no file formats. Sources: RoFormer (Su et al., 2021),
YaRN (Peng et al., 2023), and for the rules' details transformers' ``modeling_rope_utils.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

DEFAULT_THETA = 10000.0

ORDERS = {"interleaved": True, "halves": False}
"""What the two ways to pair the numbers of a head are called, and ``Rope.interleaved`` of each."""


@dataclass(frozen=True)
class Rope:
    """How positions turn queries and keys.

    ``rule`` names what makes frequencies of ``theta``. A pair that turns together is two neighbours
    of a head where ``interleaved`` (llama2.c, Meta), else one of its first half and one of its
    second (Hugging Face). ``attention_factor`` multiplies cosines and sines.

    The rest is for the rules that stretch a model which was trained for ``original_context`` tokens
    by ``factor``: "linear" (all frequencies), "dynamic" (theta, see ``at_context``), "llama3"
    (pairs by wavelength, between ``original_context`` over the two ``_freq_factor``), "yarn" (pairs
    by turns in the original context, between the two ``beta``, rounded to whole pairs where
    ``truncate``), and "divisors" (each pair by its own).
    """

    rule: str = "default"
    theta: float = DEFAULT_THETA
    interleaved: bool = True
    attention_factor: float = 1.0
    factor: float = 1.0
    original_context: int = 0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    truncate: bool = True
    divisors: tuple[float, ...] = ()

    def problems(self, head_dim: int) -> list[str]:
        """Say what is wrong with it for heads of that size, a sentence each; nothing if it works.

        Values are looked at only where the rule uses them.
        """
        low, high = self.low_freq_factor, self.high_freq_factor
        slow, fast = self.beta_slow, self.beta_fast
        n, pairs, whole = len(self.divisors), head_dim // 2, self.original_context
        rules = (
            ("", self.rule in _RULES, f"rule {self.rule!r} isn't one of {', '.join(_RULES)}"),
            ("", 1 < self.theta < 1e15, f"theta is {self.theta}"),
            ("", 0 < self.attention_factor < 1e3, f"attention_factor is {self.attention_factor}"),
            ("linear dynamic llama3 yarn", 1 <= self.factor < 1e6, f"factor is {self.factor}"),
            ("dynamic llama3 yarn", 0 < whole <= 1 << 24, f"original_context is {whole}"),
            ("llama3", 0 < low < high < 1e6, f"low and high_freq_factor are {low} and {high}"),
            ("yarn", 0 < slow < fast < 1e6, f"beta_slow and beta_fast are {slow} and {fast}"),
            ("divisors", n == pairs <= 1024, f"divisors are {n}, of pairs there are {pairs}"),
            ("divisors", all(1e-6 < x < 1e6 for x in self.divisors), "divisors are out of range"),
        )
        return [
            f"rope.{what}"
            for where, ok, what in rules
            if not ok and (not where or self.rule in where.split())
        ]

    @property
    def goes_by_context(self) -> bool:
        """Tell whether ``at_context`` changes anything: a cache is good for one length alone."""
        return self.rule == "dynamic"

    def at_context(self, head_dim: int, n_tokens: int) -> Rope:
        """Settle what depends on the length of the context; only "dynamic" does.

        There theta grows with the text beyond the original context, which makes keys that stand in
        a cache wrong. So it is fixed, once, at the length that the context may come to.
        """
        if not self.goes_by_context or head_dim == 2:
            return self
        longer = max(n_tokens, self.original_context) / self.original_context
        stretch: float = (self.factor * longer - (self.factor - 1)) ** (head_dim / (head_dim - 2))
        return replace(self, rule="default", theta=self.theta * stretch)

    def inverse_frequencies(self, head_dim: int) -> Float64:
        """Compute the angle per position of every pair, in radians, ``(head_dim / 2,)``."""
        return _RULES[self.rule](self, head_dim)

    def tables(self, head_dim: int, start: int, stop: int) -> tuple[Float32, Float32]:
        """Compute cosines and sines of positions, each ``(stop - start, head_dim / 2)``.

        The angles are formed in float64: in float32 they would be off by 1e-3 at position 10,000.
        """
        positions = np.arange(start, stop, dtype=np.float64)
        angles = positions[:, None] * self.inverse_frequencies(head_dim)
        cos, sin = self.attention_factor * np.cos(angles), self.attention_factor * np.sin(angles)
        return cos.astype(np.float32), sin.astype(np.float32)

    @property
    def order(self) -> str:
        """Name the way in which the numbers of a head make pairs, one of ``ORDERS``."""
        return next(name for name, value in ORDERS.items() if value == self.interleaved)

    def in_order(self, name: str) -> Rope:
        """Return the same, but with the pairs that one of ``ORDERS`` names."""
        return replace(self, interleaved=ORDERS[name])

    def pairs(self, head_dim: int) -> tuple[slice, slice]:
        """Say where in a head the first number of every pair stands, and where the second."""
        if self.interleaved:
            return slice(0, head_dim, 2), slice(1, head_dim, 2)
        return slice(0, head_dim // 2), slice(head_dim // 2, head_dim)


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


def yarn_attention_factor(factor: float, scale: float = 1.0) -> float:
    """Compute what YaRN multiplies cosines and sines by, for want of one in the model's files."""
    return 0.1 * scale * math.log(factor) + 1.0 if factor > 1 else 1.0
