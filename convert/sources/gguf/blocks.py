"""ggml's types of tensors: how the weights of a block lie in its bytes, and what they are worth.

Arithmetic alone, on arrays of whole blocks; knows no files. Source: the block structures and the
``dequantize_row_*`` functions of ggml's ``ggml-common.h`` and ``ggml-quants.c``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...formats.codec import Float32, Int8

Bytes = npt.NDArray[np.uint8]
"""Blocks as they are stored, ``(n, size)``."""

SUB_BLOCK = 32
"""How many weights share a step in the types whose integers are handed on, as many as in q8."""

Steps = tuple[Int8, Float32]
Offsets = tuple[Int8, Float32, Float32]


@dataclass(frozen=True)
class BlockType:
    """A type: ``size`` bytes hold ``values`` weights, of some ``bits`` each.

    ``floats`` makes float32 ``(n, values)``. ``steps``, where there is one, makes the same as int8
    ``(n, values)`` and float32 ``(n, values / 32)``: integers of ``bits_of_steps`` bits times a
    step. ``offsets`` makes integers from 0 on, steps, and what is added to every product.
    """

    name: str
    values: int
    size: int
    bits: int
    floats: Callable[[Bytes], Float32]
    steps: Callable[[Bytes], Steps] | None = None
    bits_of_steps: int = 0
    offsets: Callable[[Bytes], Offsets] | None = None


def block_type(code: int) -> BlockType | None:
    """Look up a type by ggml's number; None for one that isn't read."""
    return _TYPES.get(code)


def _half(raw: Bytes, at: int) -> Float32:
    """The float16 at a byte of every block, ``(n, 1)``."""
    return np.ascontiguousarray(raw[:, at : at + 2]).view("<f2").astype(np.float32)


def _nibbles(raw: Bytes) -> Bytes:
    """The low halves of all bytes of a block, then the high ones, ``(n, 2 * bytes)``."""
    return np.concatenate([raw & 15, raw >> 4], axis=1)


def _nibbles_by_32(raw: Bytes) -> Bytes:
    """The same for every 32 bytes of a block, one after the other, ``(n, 2 * bytes / 32, 32)``."""
    by_32 = raw.reshape(len(raw), -1, 32)
    return np.stack([by_32 & 15, by_32 >> 4], axis=2).reshape(len(raw), -1, 32)


def _bits_of(raw: Bytes, width: int) -> Bytes:
    """Fields of ``width`` bits, the lowest of all bytes first: ``(n, 8 / width, bytes)``."""
    shifts = np.arange(0, 8, width, dtype=np.uint8)[:, None]
    return raw[:, None, :] >> shifts & np.uint8((1 << width) - 1)


# Floats.


def _f32(raw: Bytes) -> Float32:
    return raw.view("<f4").astype(np.float32, copy=False)


def _f16(raw: Bytes) -> Float32:
    return raw.view("<f2").astype(np.float32)


def _bf16(raw: Bytes) -> Float32:
    # The upper half of a float32.
    return (raw.view("<u2").astype(np.uint32) << 16).view(np.float32)


# Blocks of 32: a step, and in some a minimum.


def _fifth_bits(raw: Bytes) -> Bytes:
    """The fifth bits of 32 weights, packed into 4 bytes, at their place in a byte."""
    return np.unpackbits(raw, axis=1, bitorder="little") << np.uint8(4)


def _q4_0(raw: Bytes) -> tuple[Int8, Float32]:
    return _nibbles(raw[:, 2:]).view(np.int8) - np.int8(8), _half(raw, 0)


def _q5_0(raw: Bytes) -> tuple[Int8, Float32]:
    q = _nibbles(raw[:, 6:]) | _fifth_bits(raw[:, 2:6])
    return q.view(np.int8) - np.int8(16), _half(raw, 0)


def _q8_0(raw: Bytes) -> tuple[Int8, Float32]:
    return np.ascontiguousarray(raw[:, 2:]).view(np.int8), _half(raw, 0)


def _q4_1(raw: Bytes) -> Offsets:
    return _nibbles(raw[:, 4:]).view(np.int8), _half(raw, 0), _half(raw, 2)


def _q5_1(raw: Bytes) -> Float32:
    q = _nibbles(raw[:, 8:]) | _fifth_bits(raw[:, 4:8])
    return q * _half(raw, 0) + _half(raw, 2)


# 16 values that lie closer together around zero.
_CODEBOOK = np.array(
    [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], np.int8
)


def _iq4_nl(raw: Bytes) -> tuple[Int8, Float32]:
    return _CODEBOOK[_nibbles(raw[:, 2:])], _half(raw, 0)


# Super-blocks of 256: a step of the steps, and small integers for those.


def _iq4_xs(raw: Bytes) -> tuple[Int8, Float32]:
    # Scales of 6 bits for 8 times 32 weights: 4 low bits in 4 bytes, 2 high ones in 2.
    low = np.stack([raw[:, 4:8] & 15, raw[:, 4:8] >> 4], axis=2).reshape(-1, 8)
    high = _bits_of(raw[:, 2:4], 2).swapaxes(1, 2).reshape(-1, 8)
    scales = (low | high << 4).view(np.int8) - np.int8(32)
    q = _nibbles(raw[:, 8:].reshape(-1, 16)).reshape(-1, 256)
    return _CODEBOOK[q], _half(raw, 0) * scales


def _q2_k(raw: Bytes) -> Float32:
    d, d_min = _half(raw, 80), _half(raw, 82)
    q = np.stack([_bits_of(raw[:, at : at + 32], 2) for at in (16, 48)], axis=1)
    w = q.reshape(-1, 16, 16).astype(np.float32)
    w *= (d * (raw[:, :16] & 15))[:, :, None]
    w -= (d_min * (raw[:, :16] >> 4))[:, :, None]
    return w.reshape(-1, 256)


def _q3_k(raw: Bytes) -> Float32:
    # 16 scales of 6 bits: 4 low bits of 16 in 8 bytes, then 2 high bits of 16 in 4.
    scales = _nibbles(raw[:, 96:104]) | _bits_of(raw[:, 104:108], 2).reshape(-1, 16) << 4
    steps = _half(raw, 108) * (scales.view(np.int8) - np.int8(32))
    low = np.stack([_bits_of(raw[:, at : at + 32], 2) for at in (32, 64)], axis=1)
    high = _bits_of(raw[:, :32], 1)
    q = (low.reshape(-1, 256) | high.reshape(-1, 256) << 2).view(np.int8) - np.int8(4)
    w = q.reshape(-1, 16, 16).astype(np.float32)
    w *= steps[:, :, None]
    return w.reshape(-1, 256)


def _scales_and_mins(raw: Bytes) -> tuple[Float32, Float32]:
    """The steps and the minima of 8 times 32 weights, ``(n, 8)``, of Q4_K and Q5_K.

    12 bytes: 6 bits each of the first four steps, of the first four minima, then 4 bits each of
    the others, whose upper 2 bits stand above those of the first.
    """
    a, b, c = raw[:, 4:8], raw[:, 8:12], raw[:, 12:16]
    scales = np.concatenate([a & 63, c & 15 | a >> 6 << 4], axis=1)
    mins = np.concatenate([b & 63, c >> 4 | b >> 6 << 4], axis=1)
    return _half(raw, 0) * scales, _half(raw, 2) * mins


def _q4_k(raw: Bytes) -> Offsets:
    steps, mins = _scales_and_mins(raw)
    q = _nibbles_by_32(raw[:, 16:]).reshape(len(raw), -1)
    return q.view(np.int8), steps, -mins


def _scaled(q: Bytes, steps: Float32, mins: Float32) -> Float32:
    w = q.astype(np.float32)
    w *= steps[:, :, None]
    w -= mins[:, :, None]
    return w.reshape(-1, 256)


def _q5_k(raw: Bytes) -> Float32:
    q = _nibbles_by_32(raw[:, 48:]) | _bits_of(raw[:, 16:48], 1) << np.uint8(4)
    return _scaled(q, *_scales_and_mins(raw))


def _q6_k(raw: Bytes) -> Float32:
    # Two halves of 128: 64 bytes with the low 4 bits, 32 with the upper 2.
    halves = []
    for i in (0, 1):
        low = _nibbles(raw[:, 64 * i : 64 * (i + 1)])
        high = _bits_of(raw[:, 128 + 32 * i : 160 + 32 * i], 2).reshape(-1, 128)
        halves.append(low | high << 4)
    q = np.concatenate(halves, axis=1).view(np.int8) - np.int8(32)
    steps = _half(raw, 208) * np.ascontiguousarray(raw[:, 192:208]).view(np.int8)
    w = q.reshape(-1, 16, 16).astype(np.float32)
    w *= steps[:, :, None]
    return w.reshape(-1, 256)


def _stepped(
    name: str,
    values: int,
    size: int,
    bits: int,
    steps: Callable[[Bytes], Steps],
    bits_of_steps: int,
) -> BlockType:
    def floats(raw: Bytes) -> Float32:
        q, step = steps(raw)
        w = q.reshape(-1, SUB_BLOCK).astype(np.float32)
        w *= step.reshape(-1, 1)
        return w.reshape(-1, values)

    return BlockType(name, values, size, bits, floats, steps, bits_of_steps)


def _with_offsets(
    name: str, values: int, size: int, bits: int, offsets: Callable[[Bytes], Offsets]
) -> BlockType:
    def floats(raw: Bytes) -> Float32:
        q, step, offset = offsets(raw)
        w = q.reshape(-1, SUB_BLOCK).astype(np.float32)
        w *= step.reshape(-1, 1)
        w += offset.reshape(-1, 1)
        return w.reshape(-1, values)

    return BlockType(name, values, size, bits, floats, None, bits, offsets)


_TYPES = {
    0: BlockType("F32", 1, 4, 32, _f32),
    1: BlockType("F16", 1, 2, 16, _f16),
    2: _stepped("Q4_0", 32, 18, 4, _q4_0, 4),
    3: _with_offsets("Q4_1", 32, 20, 4, _q4_1),
    6: _stepped("Q5_0", 32, 22, 5, _q5_0, 5),
    7: BlockType("Q5_1", 32, 24, 5, _q5_1),
    8: _stepped("Q8_0", 32, 34, 8, _q8_0, 8),
    10: BlockType("Q2_K", 256, 84, 2, _q2_k),
    11: BlockType("Q3_K", 256, 110, 3, _q3_k),
    12: _with_offsets("Q4_K", 256, 144, 4, _q4_k),
    13: BlockType("Q5_K", 256, 176, 5, _q5_k),
    14: BlockType("Q6_K", 256, 210, 6, _q6_k),
    20: _stepped("IQ4_NL", 32, 18, 4, _iq4_nl, 8),
    23: _stepped("IQ4_XS", 256, 136, 4, _iq4_xs, 8),
    30: BlockType("BF16", 1, 2, 16, _bf16),
}

UNREAD = {
    **{9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S"},
    **{21: "IQ3_S", 22: "IQ2_S", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64"},
    **{29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4", 40: "NVFP4", 41: "Q1_0"},
}
"""What there is besides, by the same numbers: for messages."""
