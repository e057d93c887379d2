"""What every weight format shares: the ``Codec`` protocol, and what its encoders are made of.

Knows how ncnn pads its arrays, but no format, no source and no file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Int8 = npt.NDArray[np.int8]
Write = Callable[[bytes | memoryview], object]

SINGLE: np.dtype[np.generic] = np.dtype("<f4")
HALF: np.dtype[np.generic] = np.dtype("<f2")


@dataclass(frozen=True)
class QuantisedRows:
    """Rows in blocks that share a step: weight = value * step of its block, plus its offset.

    ``values`` are int8 ``(n, cols)``, ``steps`` float32 ``(n, cols / block)``, and so ``offsets``;
    None where they are all zero. Values go from ``-2**(bits - 1)`` without offsets, from 0 with.
    """

    values: Int8
    steps: Float32
    offsets: Float32 | None = None


class RowSlice(Protocol):
    """Some consecutive rows of a matrix, read when they are asked for."""

    @property
    def importance(self) -> Float32 | None:
        """What errors of each column count for, ``(cols,)``, in any unit; None if all alike."""

    def floats(self) -> Float32:
        """Read the rows as float32 ``(n, cols)``."""

    def quantised(self, bits: int, block: int, *, offsets: bool = False) -> QuantisedRows | None:
        """Read the rows as they stand in the source, if that is in such blocks; None if not.

        Blocks that have an offset each come only where ``offsets`` allows them.
        """


class Codec(Protocol):
    """A way to keep a matrix: its bytes, their count, and what the graph must say of it."""

    @property
    def name(self) -> str:
        """Its name on the command line."""

    @property
    def block(self) -> int:
        """How many weights of a row share a scale; 0 where there are no blocks."""

    @property
    def fused(self) -> bool:
        """Whether layers of our own read the matrices, each by itself, from the mapped file.

        If not, ncnn's Gemm does, and the model is one that any ncnn program can load.
        """

    @property
    def eight_bits(self) -> frozenset[tuple[str, int]]:
        """The matrices, by tensor and layer, that keep 8 bits where the others have fewer."""

    def of(self, tensor: str, layer: int) -> Codec:
        """Return the codec of one matrix: itself, but for the ``eight_bits``."""

    @property
    def bits(self) -> int:
        """How many bits a value has, its share of a scale not counted."""

    @property
    def quantize_term(self) -> int:
        """ncnn's parameter of that name for the Gemm that reads the matrix; 0 for floats."""

    @property
    def row_scales(self) -> bool:
        """Whether the Gemm's output must be multiplied by a row of scales, kept beside."""

    @property
    def embedding_dtype(self) -> np.dtype[np.generic]:
        """The type that the token embedding is kept in beside matrices of this format."""

    @property
    def embedding_at(self) -> int | None:
        """Where in its bytes a tied classifier begins to serve as the embedding too.

        None where they can't: the embedding is written after all that is ncnn's.
        """

    def encode(self, slices: Iterable[RowSlice], write: Write) -> Float32 | None:
        """Write a matrix, slice by slice of rows, as ncnn's Gemm reads it.

        Returns the scales ``(rows,)`` if there are ``row_scales``. Raises ``NonFiniteError``.
        """

    def disk_bytes(self, rows: int, cols: int) -> int:
        """Count the bytes of a ``(rows, cols)`` matrix in ``.bin``, its row scales included."""

    def held_bytes(self, rows: int, cols: int) -> int:
        """Count the bytes of a ``(rows, cols)`` matrix in memory, once ncnn has loaded it."""


class NonFiniteError(ValueError):
    """A weight is NaN or infinite, or too large for the format; ``hint`` says what to do."""

    def __init__(self, message: str, hint: str = "the checkpoint is damaged") -> None:
        """Say what is wrong in ``message``, and what to do in ``hint``."""
        super().__init__(message)
        self.hint = hint


def finite_absmax(rows: Float32) -> Float32:
    """Find the largest magnitude of every row, ``(n,)``. Raises ``NonFiniteError``."""
    # Two reductions instead of abs() and one: no temporary. NaN and infinity survive both.
    absmax: Float32 = np.maximum(rows.max(axis=1), -rows.min(axis=1))
    if not np.isfinite(absmax).all():
        raise NonFiniteError("a weight is not a finite number")
    return absmax


def inverse_step(absmax: Float32, q_max: int) -> Float32:
    """Compute what maps values up to ``absmax`` to integers up to ``q_max``; 1 for all zeros."""
    # So for values so small that the inverse would overflow.
    with np.errstate(divide="ignore", over="ignore"):
        inverse: Float32 = np.float32(q_max) / absmax
    inverse[~np.isfinite(inverse)] = 1
    return inverse


def to_half(x: Float32) -> npt.NDArray[np.float16]:
    """Round numbers to float16. Raises ``NonFiniteError`` for what that can't hold."""
    with np.errstate(over="ignore", invalid="ignore"):
        half = x.astype(np.float16)
    if not np.isfinite(half).all():
        if not np.isfinite(x).all():
            raise NonFiniteError("a scale is not a finite number")
        what = "a block's scale is beyond the range of float16 (65504)"
        raise NonFiniteError(what, "--weights fp32 can hold it")
    return half


def as_bytes(array: npt.NDArray[np.number[Any]]) -> memoryview:
    """View an array's bytes in row-major order."""
    return np.ascontiguousarray(array).data.cast("B")


def padded(n: int) -> int:
    """Round a count of bytes up to a multiple of 4, as ncnn does."""
    return n + -n % 4
