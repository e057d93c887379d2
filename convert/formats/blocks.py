"""Matrices in 8, 6 or 4 bits with a scale for every block of a row: b8, b6 and b4.

Blocks of a source that are of the very kind move over as they are. Source: ncnn's ``Gemm`` with
``quantize_term`` 400 to 802.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..format_names import BLOCKS
from .codec import (
    HALF,
    Float32,
    Int8,
    NonFiniteError,
    QuantisedRows,
    RowSlice,
    Write,
    as_bytes,
    finite_absmax,
    inverse_step,
    padded,
)
from .mixture import Matrices


@dataclass(frozen=True)
class Blocks:
    """Symmetric integers of ``bits`` bits, a scale per ``block`` of them. Implements ``Codec``."""

    name: str
    bits: int
    block: int

    fused = False
    eight_bits: Matrices = frozenset()
    row_scales = False
    embedding_dtype = HALF
    embedding_at = None

    @property
    def quantize_term(self) -> int:
        """ncnn's code of the bits and the block."""
        return 100 * self.bits + BLOCKS.index(self.block)

    def of(self, tensor: str, layer: int) -> Blocks:  # noqa: ARG002
        """Return itself: all matrices are kept alike."""
        return self

    def encode(self, slices: Iterable[RowSlice], write: Write) -> None:
        """Write the packed rows, then the inverse step of every block."""
        for data in self.pieces(slices):
            write(data)

    def pieces(self, slices: Iterable[RowSlice]) -> Iterator[memoryview]:
        """Yield the packed rows, then the inverse step of every block. ncnn expects no tag."""
        n, scales = 0, []
        for rows in slices:
            stored = rows.quantised(self.bits, self.block)
            if stored is None:
                q, inverse = quantise_blocks(rows.floats(), self.bits, self.block)
            else:
                q, inverse = with_inverse_steps(stored)
            data = as_bytes(pack_bits(q, self.bits))
            yield data
            n += data.nbytes
            scales.append(inverse)
        yield memoryview(bytes(padded(n) - n))
        for inverse in scales:
            yield as_bytes(inverse.astype("<f4", copy=False))

    def disk_bytes(self, rows: int, cols: int) -> int:
        """Count the bytes of a ``(rows, cols)`` matrix in ``.bin``."""
        packed = rows * -(-cols * self.bits // 8)
        return padded(packed) + 4 * rows * -(-cols // self.block)

    def held_bytes(self, rows: int, cols: int) -> int:
        """Count the bytes of a ``(rows, cols)`` matrix that ncnn has loaded."""
        return self.disk_bytes(rows, cols)


def with_inverse_steps(stored: QuantisedRows) -> tuple[Int8, Float32]:
    """Give the values, and the inverse step of every block; zeros where it would be infinite.

    Raises ``NonFiniteError``.
    """
    q, step = stored.values, stored.steps
    if not np.isfinite(step).all():
        raise NonFiniteError("a scale is not a finite number")
    with np.errstate(divide="ignore", over="ignore"):
        inverse = np.float32(1) / step
    # A step of zero, or one whose inverse overflows, means a block of zeros.
    dead = ~np.isfinite(inverse)
    if dead.any():
        inverse[dead] = 1
        block = -(-q.shape[1] // step.shape[1])
        q = np.where(np.repeat(dead, block, axis=1)[:, : q.shape[1]], np.int8(0), q)
    return q, inverse


def quantise_blocks(rows: Float32, bits: int, block: int) -> tuple[Int8, Float32]:
    """Quantise to symmetric ``bits``-bit values, a step per ``block`` values of a row.

    The last block of a row may be short. Returns int8 ``(n, cols)`` and
    float32 inverse steps ``(n, blocks)``.
    """
    n, cols = rows.shape
    blocks = -(-cols // block)
    if blocks * block != cols:
        rows = np.pad(rows, ((0, 0), (0, blocks * block - cols)))
    grouped = rows.reshape(n * blocks, block)
    inverse = inverse_step(finite_absmax(grouped), (1 << (bits - 1)) - 1)
    scaled = grouped * inverse[:, None]
    np.rint(scaled, out=scaled)
    q = scaled.astype(np.int8).reshape(n, blocks * block)[:, :cols]
    return q, inverse.reshape(n, blocks)


def pack_bits(q: Int8, bits: int) -> npt.NDArray[np.uint8]:
    """Pack rows of small two's-complement integers into bytes, little-endian, low bits first."""
    u = q.view(np.uint8)
    if bits == 8:
        return np.ascontiguousarray(u)
    n, cols = u.shape
    per_group = 2 if bits == 4 else 4
    u = np.pad(u, ((0, 0), (0, -cols % per_group)))
    lanes = [u[:, i::per_group] & np.uint8((1 << bits) - 1) for i in range(per_group)]
    # What a shift pushes out of a byte is what the next byte takes up.
    if bits == 4:
        low, high = lanes
        packed = (low | high << 4)[:, :, None]
    else:
        a, b, c, d = lanes
        packed = np.stack([a | b << 6, b >> 2 | c << 4, c >> 4 | d << 2], axis=2)
    return np.ascontiguousarray(packed.reshape(n, -1)[:, : -(-cols * bits // 8)])
