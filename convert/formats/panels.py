"""Matrices in panels of 8 rows, in 8 or 4 bits by blocks of 32 columns: q8 and q4.

The layout that the kernels of ``llama2ncnn_chat.model`` read from a mapped file; no other program
knows it. Every panel is whole in itself:

* 8 bits: 256 bytes a block, byte ``(j, row, t)`` the value of column ``4j + t``, with 128 added;
  then, block by block, the 8 rows' steps. weight = step * (value - 128)
* 4 bits: 128 bytes a block, in byte ``(j, row, t)`` the value of column ``4j + t`` below that of
  column ``16 + 4j + t``; then, block by block, the 8 rows' steps and their 8 offsets.
  weight = step * value + offset

Steps and offsets are float16; zeros fill a panel up to 64 bytes. What lies beyond the last column
has the value 0 before anything is added, what lies beyond the last row a step of 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .ahead import map_ahead
from .codec import (
    HALF,
    Float32,
    QuantisedRows,
    RowSlice,
    Write,
    as_bytes,
    to_half,
)
from .mixture import Matrices
from .searching import eight_bit_blocks, four_bit_blocks

Bytes = npt.NDArray[np.uint8]

ROWS, BLOCK, ALIGNMENT = 8, 32, 64
"""Rows of a panel, columns of a block, and what the bytes of a panel are a multiple of."""


@dataclass(frozen=True)
class PanelCodec:
    """Blocks of 32 in panels, a step each; in 4 bits an offset as well. Implements ``Codec``.

    The matrices of ``eight_bits``, by tensor and layer, keep 8 bits.
    """

    name: str
    bits: int
    eight_bits: Matrices = frozenset()

    fused = True
    block = BLOCK
    quantize_term = 0
    row_scales = False
    embedding_dtype = HALF

    @property
    def embedding_at(self) -> int | None:
        """Where a tied classifier's panels serve as the embedding: in 8 bits, from their start."""
        return 0 if self.bits == 8 else None

    def of(self, tensor: str, layer: int) -> PanelCodec:
        """Return the codec of one matrix."""
        return PanelCodec("q8", 8) if (tensor, layer) in self.eight_bits else self

    def encode(self, slices: Iterable[RowSlice], write: Write) -> None:
        """Write a matrix panel by panel. All slices but the last are of whole panels."""
        for panels in map_ahead(self._panels, map(self._read, slices)):
            write(as_bytes(panels))

    def _read(self, rows: RowSlice) -> tuple[QuantisedRows | Float32, Float32 | None]:
        stored = rows.quantised(self.bits, BLOCK, offsets=self.bits == 4)
        if stored and not _fits(stored):
            stored = None
        return (stored, None) if stored else (rows.floats(), rows.importance)

    def _panels(self, read: tuple[QuantisedRows | Float32, Float32 | None]) -> Bytes:
        rows, importance = read
        if isinstance(rows, QuantisedRows):
            return pack(rows, self.bits)
        quantised = eight_bit_blocks(rows) if self.bits == 8 else four_bit_blocks(rows, importance)
        return pack(quantised, self.bits)

    def disk_bytes(self, rows: int, cols: int) -> int:
        """Count the bytes of a ``(rows, cols)`` matrix in ``.bin``."""
        return matrix_bytes(rows, cols, self.bits)

    def held_bytes(self, rows: int, cols: int) -> int:
        """Count the bytes of a ``(rows, cols)`` matrix that is mapped."""
        return matrix_bytes(rows, cols, self.bits)


def _fits(stored: QuantisedRows) -> bool:
    """Whether float16 has a step near to each, and no value is the one that kernels don't take."""
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.abs(stored.steps.astype(HALF).astype(np.float32) - stored.steps)
        far = error > np.float32(2**-10) * np.abs(stored.steps)
    # -128 would have no opposite in a byte; no quantiser makes it.
    return not far.any() and bool(stored.values.min() > -128)


def panel_bytes(cols: int, bits: int) -> int:
    """Count the bytes of one panel, a multiple of 64."""
    # Beside the values 8 steps a block, and with 4 bits as many offsets.
    n = n_blocks(cols) * (BLOCK * bits + (16 if bits == 8 else 32))
    return n + -n % ALIGNMENT


def matrix_bytes(rows: int, cols: int, bits: int) -> int:
    """Count the bytes of a ``(rows, cols)`` matrix."""
    return n_panels(rows) * panel_bytes(cols, bits)


def n_panels(rows: int) -> int:
    """Count the panels of so many rows, the last one perhaps not full."""
    return -(-rows // ROWS)


def n_blocks(cols: int) -> int:
    """Count the blocks of so many columns, the last one perhaps not full."""
    return -(-cols // BLOCK)


def pack(q: QuantisedRows, bits: int) -> Bytes:
    """Lay rows in blocks of 32 out as panels, uint8 ``(panels, bytes)``.

    Without offsets, 4-bit values stand around 0 and steps give the offsets. Raises
    ``NonFiniteError`` for steps and offsets that are none in float16.
    """
    rows, cols = q.values.shape
    panels, blocks = n_panels(rows), n_blocks(cols)
    whole = np.zeros((panels * ROWS, blocks * BLOCK), np.uint8)
    unsigned = 0 if q.offsets is not None else 1 << (bits - 1)
    np.add(q.values.view(np.uint8), np.uint8(unsigned), out=whole[:rows, :cols])
    if bits == 8:
        whole[:, cols:] = unsigned
        whole[rows:] = unsigned
    scales = [q.steps]
    if bits == 4:
        scales.append(q.offsets if q.offsets is not None else q.steps * np.float32(-unsigned))
    out = np.zeros((panels, panel_bytes(cols, bits)), np.uint8)
    values = _by_columns(whole, panels, bits)
    out[:, : values.shape[1]] = values
    halves = np.zeros((panels * ROWS, len(scales), blocks), HALF)
    for i, scale in enumerate(scales):
        halves[:rows, i] = to_half(scale)
    by_block = halves.reshape(panels, ROWS, len(scales), blocks).transpose(0, 3, 2, 1)
    tail = np.ascontiguousarray(by_block).view(np.uint8).reshape(panels, -1)
    out[:, values.shape[1] : values.shape[1] + tail.shape[1]] = tail
    return out


def _by_columns(whole: Bytes, panels: int, bits: int) -> Bytes:
    """The values of all panels, ``(panels, bytes)``: groups of 4 columns, the 8 rows of each."""
    fours: npt.NDArray[np.uint32] = whole.view(np.uint32).reshape(panels, ROWS, -1)
    if bits == 4:
        halves = fours.reshape(panels, ROWS, -1, 2, BLOCK // 8)
        # Of four values at once: none of them has a bit that would cross into the next byte.
        fours = (halves[:, :, :, 0] | halves[:, :, :, 1] << np.uint32(4)).reshape(panels, ROWS, -1)
    grouped = np.ascontiguousarray(fours.swapaxes(1, 2))
    return grouped.view(np.uint8).reshape(panels, -1)


def unpack(raw: Bytes, rows: int, cols: int, bits: int) -> QuantisedRows:
    """Read ``rows`` rows back out of panels, uint8 of any shape; the inverse of ``pack``.

    Offsets come with 4 bits, values in 0 to 15; with 8 bits values stand around 0.
    """
    panels, blocks = n_panels(rows), n_blocks(cols)
    table = raw.reshape(panels, panel_bytes(cols, bits))
    split = blocks * BLOCK * bits
    fours = np.ascontiguousarray(table[:, :split]).view(np.uint32).reshape(panels, -1, ROWS)
    by_row = np.ascontiguousarray(fours.swapaxes(1, 2))
    n_scales = 1 if bits == 8 else 2
    if bits == 4:
        packed = by_row.reshape(panels, ROWS, blocks, BLOCK // 8)
        low_high = np.stack([packed, packed >> np.uint32(4)], axis=3)
        by_row = low_high & np.uint32(0x0F0F0F0F)
    values = by_row.view(np.uint8).reshape(panels * ROWS, -1)[:rows, :cols]
    end = split + 2 * ROWS * n_scales * blocks
    tail = np.ascontiguousarray(table[:, split:end]).view(HALF).astype(np.float32)
    scales = tail.reshape(panels, blocks, n_scales, ROWS).transpose(2, 0, 3, 1)
    scales = scales.reshape(n_scales, panels * ROWS, blocks)[:, :rows]
    if bits == 4:
        return QuantisedRows(values.view(np.int8), scales[0], scales[1])
    return QuantisedRows((values ^ np.uint8(128)).view(np.int8), scales[0])


def rows_of(panels: Bytes, rows: npt.NDArray[np.intp], cols: int) -> Float32:
    """Compute some rows of 8-bit panels ``(panels, bytes)``, float32 ``(len(rows), cols)``."""
    panel, row = np.divmod(rows, ROWS)
    n, split = len(panels), n_blocks(cols) * BLOCK * ROWS
    # Views: of a mapped file nothing is read but what is asked for.
    values = panels[:, :split].reshape(n, -1, ROWS, 4)
    steps = panels[:, split : split + 2 * split // BLOCK].view(HALF).reshape(n, -1, ROWS)
    w = values[panel, :, row].reshape(len(rows), -1, BLOCK).astype(np.float32)
    w -= 128
    w *= steps[panel, :, row].astype(np.float32)[:, :, None]
    return w.reshape(len(rows), -1)[:, :cols]


def decode(raw: Bytes, rows: int, cols: int, bits: int) -> Float32:
    """Compute the weights of panels, float32 ``(rows, cols)``."""
    q = unpack(raw, rows, cols, bits)
    blocks = q.steps.shape[1]
    w = np.zeros((rows, blocks * BLOCK), np.float32)
    w[:, :cols] = q.values
    by_block = w.reshape(rows, blocks, BLOCK)
    by_block *= q.steps[:, :, None]
    if q.offsets is not None:
        by_block += q.offsets[:, :, None]
    return w[:, :cols]
