"""A KV cache as plain arrays, apart from any engine: what is copied out, stored and restored.

Keys stand as attention reads them, after RoPE. Knows nothing of ncnn or of files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convert.rope import Rope


@dataclass(frozen=True)
class KvCache:
    """``keys`` and ``values``, float32 ``(n_layers, n_kv_heads, n_tokens, head_dim)``."""

    keys: npt.NDArray[np.float32]
    values: npt.NDArray[np.float32]

    @property
    def n_tokens(self) -> int:
        """How many tokens it holds."""
        return int(self.keys.shape[2])


def rotate(keys: npt.NDArray[np.float32], by: int, rope: Rope) -> npt.NDArray[np.float32]:
    """Return keys ``(..., head_dim)`` as they would be ``by`` positions later (earlier if < 0).

    RoPE is a rotation, so rotations add up: a cached key moves without its token being fed again.
    What it holds of the tokens before it, which later layers attended to, stays in it; so does the
    attention factor.
    """
    head_dim = keys.shape[-1]
    first, second = rope.pairs(head_dim)
    angles = by * rope.inverse_frequencies(head_dim)
    cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    real, imaginary = keys[..., first], keys[..., second]
    turned = np.empty_like(keys)
    turned[..., first] = real * cos - imaginary * sin
    turned[..., second] = real * sin + imaginary * cos
    return turned
