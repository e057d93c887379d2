"""A KV cache as plain arrays, apart from any engine: what is copied out, stored and put back.

Keys stand as attention reads them, after RoPE. Knows nothing of ncnn or of files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class KvCache:
    """``keys`` and ``values``, float32 ``(n_layers, n_kv_heads, n_tokens, head_dim)``."""

    keys: npt.NDArray[np.float32]
    values: npt.NDArray[np.float32]

    @property
    def n_tokens(self) -> int:
        return int(self.keys.shape[2])


def rotate(keys: npt.NDArray[np.float32], by: int, theta: float) -> npt.NDArray[np.float32]:
    """Keys ``(..., head_dim)`` as they would be ``by`` positions later (earlier if negative).

    RoPE is a rotation, so rotations add up: a cached key moves without its token being fed again.
    What it holds of the tokens before it, which later layers attended to, stays in it.
    """
    head_dim = keys.shape[-1]
    angles = by * theta ** (-np.arange(0, head_dim, 2, dtype=np.float64) / head_dim)
    cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    real, imaginary = keys[..., 0::2], keys[..., 1::2]
    turned = np.empty_like(keys)
    turned[..., 0::2] = real * cos - imaginary * sin
    turned[..., 1::2] = real * sin + imaginary * cos
    return turned
