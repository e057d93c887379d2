"""The weights of a graph, in its order, from a source of tensors into one file, slice by slice.

Holds a slice of rows at a time and the scales of one matrix. Knows nothing of names on disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from .checkpoint import TensorSource
from .errors import ConvertError
from .graph import Graph, Matrix, RowScales, Vector
from .layout import ModelConfig
from .weights import (
    Float32,
    Int8,
    NonFiniteError,
    WeightFormat,
    to_half,
    write_blocks,
    write_fp16,
    write_fp32,
    write_int8,
    write_quantised_blocks,
)

SLICE_VALUES = 1 << 18  # a slice of 1 MB of float32 and its temporaries stay in a core's cache
ALIGNMENT = 64  # of the embedding, so that a memory map of it starts on a cache line


@dataclass(frozen=True)
class Progress:
    """How far a conversion is: tensors and bytes of the checkpoint, done and in all."""

    tensors: int
    n_tensors: int
    bytes: int
    n_bytes: int


OnProgress = Callable[[Progress], None]


def embedding_dtype(fmt: WeightFormat) -> np.dtype[np.generic]:
    """float16, but float32 where the matrices are: a fp32 model is exact from end to end."""
    return np.dtype(np.float32 if fmt.name == "fp32" else np.float16)


def embedding_is_shared(c: ModelConfig, fmt: WeightFormat) -> bool:
    """Whether the classifier's own bytes serve as the embedding."""
    return c.tied and fmt.name in ("fp32", "fp16")


class Writer:
    """A file that counts and hashes what goes into it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        self._file.write(data)
        self._digest.update(data)
        self.size += data.nbytes if isinstance(data, memoryview) else len(data)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


class Streamer:
    """Writes the weights of a graph, in its order, and the embedding after them."""

    def __init__(
        self, ck: TensorSource, fmt: WeightFormat, out: Writer, progress: OnProgress | None
    ) -> None:
        self._ck, self._fmt, self._out, self._report = ck, fmt, out, progress
        self._steps: dict[Matrix, Float32] = {}
        self._reading = ""
        self._tensors = self._bytes = 0
        self._n_tensors = self._n_bytes = 0

    def write(self, graph: Graph) -> tuple[int, int]:
        """Returns the bytes that are ncnn's and the offset of the embedding."""
        shared = embedding_is_shared(self._ck.config, self._fmt)
        wanted = [layer.weights for layer in graph.layers if layer.weights]
        self._plan([*wanted, *([] if shared else [Matrix(("embedding",), 0)])])
        offset = 0
        try:
            for weights in wanted:
                if isinstance(weights, Matrix) and weights.tensors == ("embedding",):
                    offset = self._out.size + 4  # behind the tag
                self._write_one(weights)
            weights_size = self._out.size
            if not shared:
                self._out.write(bytes(-weights_size % ALIGNMENT))
                offset = self._out.size
                self._write_embedding()
        except NonFiniteError as e:
            raise ConvertError(f"{self._ck.path}: {self._reading}: {e}", e.hint) from None
        return weights_size, offset

    def _plan(self, wanted: list[Matrix | RowScales | Vector]) -> None:
        names = [n for w in wanted for n in _tensors(w)]
        self._n_tensors = len(names)
        self._n_bytes = sum(self._ck.tensor_bytes(name) for name in names)

    def _write_one(self, weights: Matrix | RowScales | Vector) -> None:
        if isinstance(weights, Vector):
            for values in self._slices((weights.tensor,), weights.layer):
                if not np.isfinite(values).all():
                    raise NonFiniteError("a weight is not a finite number")
                self._out.write(values.astype("<f4", copy=False).tobytes())
        elif isinstance(weights, RowScales):
            self._out.write(self._steps.pop(weights.of).astype("<f4", copy=False).tobytes())
        else:
            self._write_matrix(weights)

    def _write_matrix(self, matrix: Matrix) -> None:
        fmt, write = self._fmt, self._out.write
        if fmt.name == "q8" and fmt.block == self._ck.group_size:
            write_quantised_blocks(8, self._quantised(matrix), write)
            return
        slices = self._slices(matrix.tensors, matrix.layer)
        if fmt.name == "fp32":
            write_fp32(slices, write)
        elif fmt.name == "fp16":
            write_fp16(slices, write)
        elif fmt.name == "int8":
            self._steps[matrix] = write_int8(slices, write)
        else:
            write_blocks(fmt, slices, write)

    def _write_embedding(self) -> None:
        half = embedding_dtype(self._fmt) == np.float16
        for rows in self._slices(("embedding",), 0):
            values = to_half(rows) if half else rows.astype("<f4", copy=False)
            self._out.write(values.tobytes())

    def _slices(self, tensors: tuple[str, ...], layer: int) -> Iterator[Float32]:
        for name, start, stop in self._ranges(tensors, layer):
            yield self._ck.rows(name, layer, start, stop)

    def _quantised(self, matrix: Matrix) -> Iterator[tuple[Int8, Float32]]:
        for name, start, stop in self._ranges(matrix.tensors, matrix.layer):
            q, step = self._ck.quantised_rows(name, matrix.layer, start, stop)
            if not np.isfinite(step).all():
                raise NonFiniteError("a scale is not a finite number")
            with np.errstate(divide="ignore", over="ignore"):
                inverse = np.float32(1) / step
            # A step of zero, or one whose inverse overflows, means a block of zeros.
            dead = ~np.isfinite(inverse)
            if dead.any():
                inverse[dead] = 1
                q = np.where(np.repeat(dead, self._ck.group_size, axis=1), np.int8(0), q)
            yield q, inverse

    def _ranges(self, tensors: tuple[str, ...], layer: int) -> Iterator[tuple[str, int, int]]:
        for name in tensors:
            self._reading = f"{name} of layer {layer}"
            rows, _ = self._ck.shape(name)
            size = self._ck.tensor_bytes(name)
            before = self._bytes
            for start, stop in _row_slices(*self._ck.shape(name)):
                yield name, start, stop
                self._bytes = before + size * stop // rows
                self._tensors += stop == rows
                if self._report:
                    self._report(
                        Progress(self._tensors, self._n_tensors, self._bytes, self._n_bytes)
                    )


def _row_slices(rows: int, cols: int) -> Iterator[tuple[int, int]]:
    step = max(1, SLICE_VALUES // cols)
    for start in range(0, rows, step):
        yield start, min(rows, start + step)


def _tensors(weights: Matrix | RowScales | Vector) -> tuple[str, ...]:
    if isinstance(weights, Matrix):
        return weights.tensors
    return (weights.tensor,) if isinstance(weights, Vector) else ()
