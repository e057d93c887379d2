"""Matrices to encode, their bytes, and a slow, obvious encoder of blocks to hold them against."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convert.formats.codec import Codec, QuantisedRows

Array = npt.NDArray[np.floating]
Q_FORMATS = [(name, block) for name in ("b8", "b6", "b4") for block in (32, 64, 128)]
BITS = {"b8": 8, "b6": 6, "b4": 4}


@dataclass(frozen=True)
class Slice:
    """Rows of a float source; ``stored`` are the same as a source in blocks would have them."""

    values: Array
    stored: QuantisedRows | None = None
    importance: npt.NDArray[np.float32] | None = None

    def floats(self) -> npt.NDArray[np.float32]:
        return self.values.astype(np.float32, copy=False)

    def quantised(self, bits: int, block: int, *, offsets: bool = False) -> QuantisedRows | None:
        return self.stored


def encode(codec: Codec, w: Array, cut: int | None = None) -> tuple[bytes, Array]:
    """The bytes of a matrix, fed in slices of ``cut`` rows, and the rows' scales if it has any."""
    out = bytearray()
    cut = cut or len(w)
    scales = codec.encode([Slice(w[i : i + cut]) for i in range(0, len(w), cut)], out.extend)
    assert (scales is not None) == codec.row_scales
    return bytes(out), np.ones(len(w), np.float32) if scales is None else scales


def normal(rows: int, cols: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((rows, cols), np.float32)


def round_half_even(x: float) -> int:
    return round(x)


def slow_blocks(w: Array, bits: int, block: int) -> tuple[bytes, Array]:
    """The layout of a block format value by value, and the matrix that it stands for."""
    q_max = 2 ** (bits - 1) - 1
    packed, scales, meant = b"", b"", np.zeros(w.shape)
    for r, row in enumerate(w):
        stream = 0
        for start in range(0, len(row), block):
            absmax = max(abs(float(x)) for x in row[start : start + block])
            inverse = np.float32(q_max) / np.float32(absmax) if absmax else np.float32(1)
            scales += struct.pack("<f", inverse)
            for k in range(start, min(len(row), start + block)):
                q = round_half_even(float(np.float32(row[k]) * inverse))
                meant[r, k] = q / float(inverse)
                stream |= (q & (2**bits - 1)) << (bits * k)  # low bits first, little-endian
        packed += stream.to_bytes((len(row) * bits + 7) // 8, "little")
    return packed + b"\0" * (-len(packed) % 4) + scales, meant
