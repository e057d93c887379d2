"""Tensors of floats as they stand in files, and a model of them: all that folders have in common.

Knows no format of a file and no names but the product's own. Reads rows when they are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import ConvertError
from ..formats.codec import Float32
from ..shape import ModelShape
from .source import NOTHING, InputFile, sampled_sha256

ITEM_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
SLICE_VALUES = 1 << 18
DTYPE_NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in row-major order from byte ``at`` on; ``dtype`` is safetensors' word for it.

    Who makes one has held its end against the size of the file. A vector is a matrix of one row.
    """

    file: InputFile
    name: str
    dtype: str
    shape: tuple[int, ...]
    at: int

    @property
    def matrix_shape(self) -> tuple[int, int]:
        """Rows and columns; (0, 0) for what is no vector and no matrix."""
        if len(self.shape) == 2:
            return self.shape[0], self.shape[1]
        return (1, self.shape[0]) if len(self.shape) == 1 else (0, 0)

    @property
    def n_bytes(self) -> int:
        """How many bytes of the file it takes."""
        return math.prod(self.shape) * ITEM_BYTES[self.dtype]

    def rows(self, start: int, stop: int) -> Float32:
        """Read rows as float32 ``(stop - start, cols)``."""
        cols = self.matrix_shape[1]
        stride = cols * ITEM_BYTES[self.dtype]
        raw = self.file.read(self.at + start * stride, (stop - start) * stride, self.name)
        return _floats(raw, self.dtype).reshape(stop - start, cols)


def _floats(raw: np.typing.NDArray[np.uint8], dtype: str) -> Float32:
    if dtype == "BF16":  # the upper half of a float32
        wide = raw.view("<u2").astype("<u4")
        wide <<= 16
        return wide.view("<f4").astype(np.float32, copy=False)
    return raw.view("<f4" if dtype == "F32" else "<f2").astype(np.float32, copy=False)


@dataclass(frozen=True)
class Joined:
    """A matrix in parts that follow each other by rows (``axis`` 0) or by columns (1)."""

    parts: tuple[StoredTensor, ...]
    axis: int = 0

    @property
    def matrix_shape(self) -> tuple[int, int]:
        """Rows and columns of the whole; (0, 0) if the parts don't fit together."""
        shapes = [part.matrix_shape for part in self.parts]
        if len({shape[1 - self.axis] for shape in shapes}) != 1:
            return 0, 0
        whole = sum(shape[self.axis] for shape in shapes)
        other = shapes[0][1 - self.axis]
        return (other, whole) if self.axis else (whole, other)

    @property
    def n_bytes(self) -> int:
        """How many bytes of all files it takes."""
        return sum(part.n_bytes for part in self.parts)

    def rows(self, start: int, stop: int) -> Float32:
        """Read rows as float32 ``(stop - start, cols)``."""
        if self.axis:
            return np.concatenate([part.rows(start, stop) for part in self.parts], axis=1)
        slices, before = [], 0
        for part in self.parts:
            after = before + part.matrix_shape[0]
            if start < after and before < stop:
                slices.append(part.rows(max(start, before) - before, min(stop, after) - before))
            before = after
        return slices[0] if len(slices) == 1 else np.concatenate(slices)


Stored = StoredTensor | Joined


class StoredModel:
    """A model whose tensors stand as floats in files. Implements ``TensorSource``.

    ``table`` has every tensor of the shape, a ``Stored`` for each layer of it.
    """

    block = 0
    metadata = NOTHING
    says_rope_order = True

    def __init__(
        self,
        path: Path,
        kind: str,
        shape: ModelShape,
        table: dict[str, list[Stored]],
        files: Sequence[InputFile],
        others: Sequence[Path],
        template: str = "own",
    ) -> None:
        """Hold ``table`` against ``shape``. Raises ``ConvertError`` for a tensor that differs.

        ``kind`` says what format it is, ``others`` what was read beside ``files``, which it closes.
        """
        self.path, self.shape, self.template = path, shape, template
        self.files = (*(file.path for file in files), *others)
        self.size = sum(file.size for file in files)
        if problems := shape.problems():
            raise ConvertError(f"{path}: {problems[0]}", "is it all of one model?")
        self._table = table
        for name, want in shape.tensors.items():
            for stored in table[name]:
                _check(stored, (want.rows, want.cols))
        dtypes = {part.dtype for part in _parts(table)}
        self.format = f"{kind} ({', '.join(DTYPE_NAMES[d] for d in sorted(dtypes))})"
        self._files = files

    def __enter__(self) -> StoredModel:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()

    def fingerprint(self) -> str:
        """Name the format, the size and a hash of samples all over the files."""
        return f"{self.format}, {self.size} bytes, sampled SHA-256 {sampled_sha256(self._files)}"

    def type_of(self, name: str, layer: int) -> str:
        """Name the type of one layer of a tensor: of its first part, where there are several."""
        stored = self._table[name][layer]
        return (stored.parts[0] if isinstance(stored, Joined) else stored).dtype

    def bits_of(self, name: str, layer: int) -> int:
        """Tell how many bits the values of one layer of a tensor have."""
        return 8 * ITEM_BYTES[self.type_of(name, layer)]

    def tensor_bytes(self, name: str) -> int:
        """Count the bytes of one layer of a tensor."""
        return self._table[name][0].n_bytes

    def rows(self, name: str, layer: int, start: int, stop: int) -> Float32:
        """Read rows of one layer of a tensor, float32 ``(stop - start, cols)``."""
        return self._table[name][layer].rows(start, stop)

    def quantised_rows(self, *_: object, **__: object) -> None:
        """Say that nothing is kept in blocks."""


def _parts(table: dict[str, list[Stored]]) -> list[StoredTensor]:
    stored = [x for layers in table.values() for x in layers]
    return [part for x in stored for part in (x.parts if isinstance(x, Joined) else (x,))]


def _check(stored: Stored, want: tuple[int, int]) -> None:
    parts = stored.parts if isinstance(stored, Joined) else (stored,)
    for part in parts:
        if part.dtype not in ITEM_BYTES:
            raise ConvertError(
                f"{part.file.path}: {part.name} is {part.dtype}",
                f"only {', '.join(DTYPE_NAMES.values())} are read",
            )
    if stored.matrix_shape != want:
        first = parts[0]
        what = f"{first.name} has shape {list(first.shape)}"
        if len(parts) > 1:
            what += f" in the first of {len(parts)} files"
        raise ConvertError(
            f"{first.file.path}: {what}, the model's is {list(want)}",
            "is a file missing, or of another model?",
        )


def same_values(a: StoredTensor, b: StoredTensor) -> bool:
    """Tell whether two matrices are the same, reading only up to the first rows that differ."""
    if a.dtype != b.dtype or a.dtype not in ITEM_BYTES or a.matrix_shape != b.matrix_shape:
        return False
    if a.file is b.file and a.at == b.at:
        return True
    n, cols = a.matrix_shape
    step = max(1, SLICE_VALUES // max(1, cols))
    places = ((start, min(n, start + step)) for start in range(0, n, step))
    return all(np.array_equal(a.rows(*place), b.rows(*place)) for place in places)
