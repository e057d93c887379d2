"""Matrices as plain floats, float32 or float16, behind the tag by which ncnn tells them.

Source: ncnn's ``ModelBinFromDataReader::load``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .codec import (
    HALF,
    SINGLE,
    Float32,
    NonFiniteError,
    RowSlice,
    Write,
    as_bytes,
    finite_absmax,
    padded,
)
from .mixture import Matrices

TAG_BYTES = 4


@dataclass(frozen=True)
class Plain:
    """Floats of one width. Implements ``Codec``."""

    name: str
    tag: int
    embedding_dtype: np.dtype[np.generic]

    fused = False
    eight_bits: Matrices = frozenset()
    block = 0
    quantize_term = 0
    row_scales = False
    embedding_at = TAG_BYTES

    @property
    def bits(self) -> int:
        """How many bits a value has."""
        return 8 * self.embedding_dtype.itemsize

    def of(self, tensor: str, layer: int) -> Plain:  # noqa: ARG002
        """Return itself: all matrices are kept alike."""
        return self

    def encode(self, slices: Iterable[RowSlice], write: Write) -> None:
        """Write the tag and the values, padded to 4 bytes."""
        write(struct.pack("<I", self.tag))
        n = 0
        for rows in slices:
            data = as_bytes(to_dtype(rows.floats(), self.embedding_dtype))
            write(data)
            n += data.nbytes
        write(bytes(padded(n) - n))

    def disk_bytes(self, rows: int, cols: int) -> int:
        """Count the bytes of a ``(rows, cols)`` matrix in ``.bin``."""
        return TAG_BYTES + padded(rows * cols * self.embedding_dtype.itemsize)

    def held_bytes(self, rows: int, cols: int) -> int:
        """Count the bytes of a ``(rows, cols)`` matrix that ncnn has loaded."""
        # It widens halves to float32 as it loads them.
        return TAG_BYTES + 4 * rows * cols


FP32 = Plain("fp32", 0, SINGLE)
FP16 = Plain("fp16", 0x01306B47, HALF)


def to_dtype(rows: Float32, dtype: np.dtype[np.generic]) -> npt.NDArray[Any]:
    """Round rows to little-endian float32 or float16, to nearest even.

    Raises ``NonFiniteError`` for what is no number, or more than a half can hold.
    """
    absmax = finite_absmax(rows.reshape(1, -1))[0]
    if dtype == HALF and absmax >= 65520:  # rounds to infinity
        raise NonFiniteError(
            "a weight is beyond the range of float16 (65504)", "--weights fp32 can hold it"
        )
    return rows.astype(dtype, copy=False)
