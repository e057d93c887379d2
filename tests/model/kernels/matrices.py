"""Random matrices in panels, written one number at a time, and tables of kernels over them."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from llama2ncnn_chat.model.kernels.tables import Matrix, Scratch

Floats = npt.NDArray[np.float32]
Exact = npt.NDArray[np.float64]


def aligned(n_bytes: int) -> npt.NDArray[np.uint8]:
    """Set aside zeros on a cache line, as a mapped file has them."""
    memory = np.zeros(n_bytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + n_bytes]


@dataclass(frozen=True)
class RandomMatrix:
    """A matrix in panels, and the float64 ``(rows, cols)`` that it means."""

    means: Exact
    memory: npt.NDArray[np.uint8]
    table: Matrix
    bias: Floats | None = field(default=None)

    def times(self, x: Exact) -> Exact:
        """Multiply rows ``(m, cols)`` in float64."""
        return x @ self.means.T + (0 if self.bias is None else self.bias.astype(np.float64))


def random_matrix(
    rng: np.random.Generator,
    rows: int,
    cols: int,
    bits: int,
    *,
    biased: bool = False,
    least: int = 0,
) -> RandomMatrix:
    """Write a random matrix byte by byte, after the words of ``convert.formats.panels``.

    Its weights are stored as ``least`` or more.
    """
    n_panels, n_blocks = -(-rows // 8), -(-cols // 32)
    value_bytes = 256 if bits == 8 else 128
    used = n_blocks * (value_bytes + (16 if bits == 8 else 32))
    panel_bytes = used + -used % 64
    memory, means = aligned(n_panels * panel_bytes), np.zeros((rows, cols))
    for p in range(n_panels):
        panel = memory[p * panel_bytes :][:used]
        scales = panel[n_blocks * value_bytes :].view(np.float16).reshape(n_blocks, -1, 8)
        for block in range(n_blocks):
            values = panel[block * value_bytes :][:value_bytes]
            steps = (rng.random(8) * 0.01 + 0.001).astype(np.float16)
            offsets = (-8 * steps * rng.uniform(0.8, 1.2, 8)).astype(np.float16)
            for r in range(8):
                row = 8 * p + r
                scales[block, 0, r] = steps[r] if row < rows else 0
                if bits == 4:
                    scales[block, 1, r] = offsets[r] if row < rows else 0
                for c in range(32):
                    col = 32 * block + c
                    inside = row < rows and col < cols
                    if bits == 8:
                        u = int(rng.integers(max(1, least), 256)) if inside else 128
                        values[c // 4 * 32 + r * 4 + c % 4] = u
                        mean = float(steps[r]) * (u - 128)
                    else:
                        u = int(rng.integers(least, 16)) if inside else 0
                        values[c % 16 // 4 * 32 + r * 4 + c % 4] |= u << (4 if c >= 16 else 0)
                        mean = float(steps[r]) * u + float(offsets[r])
                    if inside:
                        means[row, col] = mean
    bias = rng.standard_normal(rows).astype(np.float32) if biased else None
    at = 0 if bias is None else bias.ctypes.data
    table = Matrix(memory.ctypes.data, n_panels, panel_bytes, n_blocks, bits, rows, at)
    return RandomMatrix(means, memory, table, bias)


class Memory:
    """Scratch for ``m`` rows of up to ``cols`` activations."""

    def __init__(self, m: int, cols: int) -> None:
        n_blocks = m * -(-cols // 32)
        self._kept = [aligned(n_blocks * n) for n in (32, 4, 4)]
        self.table = Scratch(*(memory.ctypes.data for memory in self._kept))


def address_of(table: ctypes.Structure | ctypes.Array[Matrix]) -> int:
    """Say where a table stands."""
    return ctypes.addressof(table)
