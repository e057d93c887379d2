"""What kernels should compute, in float64 on the dequantised weights."""

from __future__ import annotations

import numpy as np

from tests.model.kernels.matrices import Exact, Floats

EPSILON = 1e-5


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
