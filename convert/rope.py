"""Rotary position embedding (RoPE), described: which rule, which values, which numbers make a pair.

What is computed of it is in ``rope_tables``. Knows no file formats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

DEFAULT_THETA = 10000.0
RULES = ("default", "linear", "dynamic", "llama3", "yarn", "divisors")

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
            ("", self.rule in RULES, f"rule {self.rule!r} isn't one of {', '.join(RULES)}"),
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


def yarn_attention_factor(factor: float, scale: float = 1.0) -> float:
    """Compute what YaRN multiplies cosines and sines by, for want of one in the model's files."""
    return 0.1 * scale * math.log(factor) + 1.0 if factor > 1 else 1.0
