"""What kernels should compute, in float64 on the dequantised weights."""

from __future__ import annotations

import numpy as np

from tests.model.kernels.matrices import Exact, Floats

EPSILON = 1e-5

ROWS = (1, 2, 3, 4, 5, 8, 9, 13, 32, 129)
"""Numbers of rows around the sizes of tiles."""


def normed(x: Floats | Exact, gain: Floats) -> Exact:
    """Apply an RMSNorm to rows."""
    exact = x.astype(np.float64)
    mean = (exact**2).mean(axis=1, keepdims=True)
    scaled: Exact = exact / np.sqrt(mean + np.float32(EPSILON)) * gain
    return scaled


def in_bytes(x: Exact) -> Exact:
    """Round to 255 steps a block of 32, as the kernels do."""
    m, cols = x.shape
    blocks = np.pad(x, ((0, 0), (0, -cols % 32))).reshape(m, -1, 32)
    step = np.abs(blocks).max(axis=2, keepdims=True) / 127
    step[step == 0] = 1
    rounded: Exact = (np.rint(blocks / step) * step).reshape(m, -1)[:, :cols]
    return rounded


def close(got: Floats, wanted: Exact) -> None:
    """Assert that all are near, and most as near as float32 can be."""
    # What lies half way between two bytes may be rounded the other way by a last bit of float32.
    assert np.abs(got - wanted).max() <= 3e-3 * np.abs(wanted).max()
    assert np.median(np.abs(got - wanted)) <= 2e-6 * np.abs(wanted).max()


def turned(x: Exact, cos: Floats, sin: Floats, *, interleaved: bool) -> Exact:
    """Turn the pairs of heads ``(m, heads, head_dim)`` by angles ``(m, head_dim / 2)``."""
    half = x.shape[2] // 2
    pairs = (
        (slice(0, None, 2), slice(1, None, 2)) if interleaved else (slice(half), slice(half, None))
    )
    spun = (x[..., pairs[0]] + 1j * x[..., pairs[1]]) * (cos + 1j * sin)[:, None]
    result = np.empty_like(x)
    result[..., pairs[0]], result[..., pairs[1]] = spun.real, spun.imag
    return result


def attended(q: Exact, keys: Exact, values: Exact, window: int) -> Exact:
    """Attend: the last ``m`` tokens of ``(n, kv_heads, head_dim)`` are those that ask.

    ``q`` is ``(m, heads, head_dim)``; a token sees itself and those before it, ``window`` at most
    where there is one.
    """
    (m, heads, head_dim), (n, kv_heads, _) = q.shape, keys.shape
    out = np.empty_like(q)
    for token in range(m):
        newest = n - m + token
        oldest = max(0, newest - window + 1) if window else 0
        for head in range(heads):
            of = head // (heads // kv_heads)
            scores = keys[oldest : newest + 1, of] @ q[token, head] * head_dim**-0.5
            weights = np.exp(scores - scores.max())
            out[token, head] = weights / weights.sum() @ values[oldest : newest + 1, of]
    return out
