"""Matrices as int8, a scale for every row, at the full speed of ncnn's int8 Gemm.

ncnn has one scale per tensor. With that at 1, and the Gemm's output multiplied by a row of scales,
every row keeps 8 bits of its own range.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np

from .codec import (
    HALF,
    Float32,
    Int8,
    RowSlice,
    Write,
    as_bytes,
    finite_absmax,
    inverse_step,
    padded,
)
from .mixture import Matrices

TAG = struct.pack("<I", 0x000D4B38)
TENSOR_SCALE = struct.pack("<f", 1.0)


class Rows:
    """int8 rows, each with its own step. Implements ``Codec``."""

    name = "int8"
    fused = False
    eight_bits: Matrices = frozenset()
    bits = 8
    block = 0
    quantize_term = 2
    row_scales = True
    embedding_dtype = HALF
    embedding_at = None

    def of(self, tensor: str, layer: int) -> Rows:  # noqa: ARG002
        """Return itself: all matrices are kept alike."""
        return self

    def encode(self, slices: Iterable[RowSlice], write: Write) -> Float32:
        """Write the tag, the values, padded to 4 bytes, and the tensor's scale of 1."""
        write(TAG)
        n, steps = 0, []
        for rows in slices:
            q, step = quantise_rows(rows.floats())
            write(as_bytes(q))
            n += q.nbytes
            steps.append(step)
        write(bytes(padded(n) - n))
        write(TENSOR_SCALE)
        return np.concatenate(steps)

    def disk_bytes(self, rows: int, cols: int) -> int:
        """Count the bytes of a ``(rows, cols)`` matrix in ``.bin``, its row scales included."""
        return len(TAG) + padded(rows * cols) + len(TENSOR_SCALE) + 4 * rows

    def held_bytes(self, rows: int, cols: int) -> int:
        """Count the bytes of a ``(rows, cols)`` matrix that ncnn has loaded."""
        return self.disk_bytes(rows, cols)


INT8 = Rows()


def quantise_rows(rows: Float32) -> tuple[Int8, Float32]:
    """Quantise to symmetric int8, to nearest, a step per row: ``rows ~ q * step[:, None]``."""
    absmax = finite_absmax(rows)
    step = absmax / np.float32(127)
    scaled = rows * inverse_step(absmax, 127)[:, None]
    np.rint(scaled, out=scaled)
    return scaled.astype(np.int8), step.astype(np.float32)
