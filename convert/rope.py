"""Rotary position embedding as tables of cosines and sines, and theta read back out of them.

Source: RoFormer (Su et al., 2021), in llama2.c's interleaved-pairs form. Knows no file formats.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

DEFAULT_THETA = 10000.0


def rope_tables(
    head_dim: int, theta: float, start: int, stop: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Cosines and sines of positions ``start`` to ``stop``, float32 ``(stop - start, head_dim/2)``.

    The angles are formed in float64: in float32 they would be off by 1e-3 at position 10,000.
    """
    frequencies = theta ** (-np.arange(0, head_dim, 2, dtype=np.float64) / head_dim)
    angles = np.arange(start, stop, dtype=np.float64)[:, None] * frequencies
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def theta_of_tables(cos: npt.NDArray[np.float32], sin: npt.NDArray[np.float32]) -> float:
    """Theta of the first rows of a checkpoint's tables, each ``(positions, head_dim/2)``.

    All-zero tables (some writers fill nothing in) mean 10000. Raises ``ValueError`` for tables
    that no theta explains: scaled positions, or no tables at all.
    """
    if not cos.any() and not sin.any():
        return DEFAULT_THETA
    n, half = cos.shape
    theta = DEFAULT_THETA
    if n > 1 and half > 1:
        # The slowest pair at position 1 has the smallest angle, so the best relative precision.
        angle = float(np.arctan2(sin[1, -1], cos[1, -1]))
        if not 1e-30 < angle < 1:
            raise ValueError(f"RoPE table has an angle of {angle} at position 1: no theta fits")
        theta = min(angle ** (-half / (half - 1)), 1e12)
        if abs(theta - round(theta)) < 1e-4 * theta:
            theta = float(round(theta))
    want_cos, want_sin = rope_tables(2 * half, theta, 0, n)
    # One reduction: a NaN gets through numpy's max, and not for certain through Python's.
    error = float(np.abs(np.stack([cos - want_cos, sin - want_sin])).max())
    if not error < 1e-2:
        raise ValueError(f"RoPE tables differ by {error:.2g} from those of theta {theta:g}")
    return theta
