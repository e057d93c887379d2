"""One weight matrix to the bytes that ncnn's Gemm reads, in slices of rows.

The layouts are those of ncnn's ``ModelBin`` and ``Gemm``: a tag, the packed rows, their scales.
Nothing here knows where rows come from or where the bytes go.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Int8 = npt.NDArray[np.int8]
Write = Callable[[bytes | memoryview], object]

TAG_FP32 = struct.pack("<I", 0)
TAG_FP16 = struct.pack("<I", 0x01306B47)
TAG_INT8 = struct.pack("<I", 0x000D4B38)


@dataclass(frozen=True)
class WeightFormat:
    """How matrices are kept: ``name`` as on the command line, ``bits`` per weight, ``block`` size
    (0: no blocks), ncnn's ``quantize_term``, and whether rows have a scale outside the Gemm."""

    name: str
    bits: int
    block: int = 0
    quantize_term: int = 0
    row_scales: bool = False


BLOCKS = (32, 64, 128)
FORMAT_NAMES = ("int8", "q8", "q6", "q4", "fp16", "fp32")


def weight_format(name: str, block: int = 64) -> WeightFormat:
    """The format of that name; ``block`` matters to q8, q6 and q4 alone."""
    if name == "fp32":
        return WeightFormat("fp32", 32)
    if name == "fp16":
        return WeightFormat("fp16", 16)
    if name == "int8":
        return WeightFormat("int8", 8, quantize_term=2, row_scales=True)
    bits = {"q8": 8, "q6": 6, "q4": 4}[name]
    return WeightFormat(name, bits, block, quantize_term=100 * bits + BLOCKS.index(block))


def matrix_bytes(fmt: WeightFormat, rows: int, cols: int) -> int:
    """Bytes of a ``(rows, cols)`` matrix in ``.bin``, its row scales included."""
    if fmt.block:
        blocks = -(-cols // fmt.block)
        return _padded(rows * (-(-cols * fmt.bits // 8))) + 4 * rows * blocks
    tagged = 4 + _padded(rows * cols * fmt.bits // 8)
    return tagged + (4 + 4 * rows if fmt.row_scales else 0)


class NonFiniteError(ValueError):
    """A weight is NaN or infinite, or too large for the format; ``hint`` says what to do."""

    def __init__(self, message: str, hint: str = "the checkpoint is damaged") -> None:
        super().__init__(message)
        self.hint = hint


def write_fp32(slices: Iterable[Float32], write: Write) -> None:
    """Tag 0 and the floats."""
    write(TAG_FP32)
    for rows in slices:
        _absmax(rows.reshape(1, -1))
        write(_bytes(rows.astype("<f4", copy=False)))


def write_fp16(slices: Iterable[Float32], write: Write) -> None:
    """ncnn's half-float tag and the halves, rounded to nearest even, padded to 4 bytes."""
    write(TAG_FP16)
    n = 0
    for rows in slices:
        halves = to_half(rows)
        n += write_all(write, _bytes(halves))
    write(bytes(_padded(n) - n))


def to_half(rows: Float32) -> npt.NDArray[np.float16]:
    """Little-endian halves of finite rows; raises ``NonFiniteError`` for what a half can't hold."""
    if _absmax(rows.reshape(1, -1))[0] >= 65520:  # rounds to infinity
        raise NonFiniteError(
            "a weight is beyond the range of float16 (65504)", "--weights fp32 can hold it"
        )
    return rows.astype("<f2")


def write_int8(slices: Iterable[Float32], write: Write) -> Float32:
    """int8 rows, each with its own step, under a tensor scale of 1; returns the steps ``(rows,)``.

    ncnn has one scale per tensor. With that at 1, and the Gemm's output multiplied by the row of
    steps (``RowScales``), every row keeps 8 bits of its own range at full speed.
    """
    write(TAG_INT8)
    n, steps = 0, []
    for rows in slices:
        q, step = quantise_rows(rows)
        n += write_all(write, _bytes(q))
        steps.append(step)
    write(bytes(_padded(n) - n))
    write(TAG_ONE_SCALE)
    return np.concatenate(steps)


TAG_ONE_SCALE = struct.pack("<f", 1.0)


def quantise_rows(rows: Float32) -> tuple[Int8, Float32]:
    """Symmetric int8, to nearest, a step per row: ``rows ~ q * step[:, None]``."""
    absmax = _absmax(rows)
    step = absmax / np.float32(127)
    scaled = rows * _inverse(absmax, 127)[:, None]
    np.rint(scaled, out=scaled)
    return scaled.astype(np.int8), step.astype(np.float32)


def write_blocks(fmt: WeightFormat, slices: Iterable[Float32], write: Write) -> None:
    """Packed rows, then the inverse step of every block, row-major. No tag: ncnn expects none."""
    quantised = (quantise_blocks(rows, fmt.bits, fmt.block) for rows in slices)
    write_quantised_blocks(fmt.bits, quantised, write)


def write_quantised_blocks(
    bits: int, quantised: Iterable[tuple[Int8, Float32]], write: Write
) -> None:
    """The same from what is quantised already: int8 ``(n, cols)``, inverse steps by block."""
    n, scales = 0, []
    for q, inverse in quantised:
        n += write_all(write, _bytes(pack_bits(q, bits)))
        scales.append(inverse)
    write(bytes(_padded(n) - n))
    for inverse in scales:
        write(_bytes(inverse.astype("<f4", copy=False)))


def quantise_blocks(rows: Float32, bits: int, block: int) -> tuple[Int8, Float32]:
    """Symmetric ``bits``-bit values and inverse steps, one per ``block`` values of a row.

    The last block of a row may be short. Returns int8 ``(n, cols)`` and float32 ``(n, blocks)``.
    """
    n, cols = rows.shape
    blocks = -(-cols // block)
    if blocks * block != cols:
        rows = np.pad(rows, ((0, 0), (0, blocks * block - cols)))
    grouped = rows.reshape(n * blocks, block)
    inverse = _inverse(_absmax(grouped), (1 << (bits - 1)) - 1)
    scaled = grouped * inverse[:, None]
    np.rint(scaled, out=scaled)
    q = scaled.astype(np.int8).reshape(n, blocks * block)[:, :cols]
    return q, inverse.reshape(n, blocks)


def pack_bits(q: Int8, bits: int) -> npt.NDArray[np.uint8]:
    """Rows of small two's-complement integers as bytes: little-endian, low bits first."""
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


def write_all(write: Write, data: memoryview) -> int:
    """Write and return how many bytes that was."""
    write(data)
    return data.nbytes


def _absmax(rows: Float32) -> Float32:
    # Two reductions instead of abs() and one: no temporary. NaN and infinity survive both.
    absmax: Float32 = np.maximum(rows.max(axis=1), -rows.min(axis=1))
    if not np.isfinite(absmax).all():
        raise NonFiniteError("a weight is not a finite number")
    return absmax


def _inverse(absmax: Float32, q_max: int) -> Float32:
    # An all-zero row or block gets 1; so does one so small that the inverse would overflow.
    with np.errstate(divide="ignore", over="ignore"):
        inverse: Float32 = np.float32(q_max) / absmax
    inverse[~np.isfinite(inverse)] = 1
    return inverse


def _bytes(array: npt.NDArray[np.number[Any]]) -> memoryview:
    return np.ascontiguousarray(array).data.cast("B")


def _padded(n: int) -> int:
    return n + -n % 4
