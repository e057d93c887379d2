"""Rotary position embedding (RoPE): which frequencies, which numbers make a pair, what tables.

A rule is one function of ``_RULES``. Knows no file formats. Source: RoFormer (Su et al., 2021).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

DEFAULT_THETA = 10000.0


@dataclass(frozen=True)
class Rope:
    """How positions turn queries and keys.

    ``rule`` names what makes frequencies of ``theta``. A pair that turns together is two neighbours
    of a head where ``interleaved`` (llama2.c, Meta), else one of its first half and one of its
    second (Hugging Face). ``attention_factor`` multiplies cosines and sines.
    """

    rule: str = "default"
    theta: float = DEFAULT_THETA
    interleaved: bool = True
    attention_factor: float = 1.0

    def problems(self) -> list[str]:
        """Say what is wrong, a sentence each; nothing for a sound one."""
        rules = (
            (self.rule in _RULES, f"rope.rule {self.rule!r} isn't one of {', '.join(_RULES)}"),
            (1 < self.theta < 1e15, f"rope.theta is {self.theta}"),
            (0 < self.attention_factor < 1e3, f"rope.attention_factor is {self.attention_factor}"),
        )
        return [what for ok, what in rules if not ok]

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

    def pairs(self, head_dim: int) -> tuple[slice, slice]:
        """Say where in a head the first number of every pair stands, and where the second."""
        if self.interleaved:
            return slice(0, head_dim, 2), slice(1, head_dim, 2)
        return slice(0, head_dim // 2), slice(head_dim // 2, head_dim)


def _default(rope: Rope, head_dim: int) -> Float64:
    frequencies: Float64 = rope.theta ** (-np.arange(0, head_dim, 2, dtype=np.float64) / head_dim)
    return frequencies


_RULES: dict[str, Callable[[Rope, int], Float64]] = {"default": _default}
