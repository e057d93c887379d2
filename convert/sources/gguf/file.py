"""One GGUF file (v2 or v3): its key-values, and where every tensor lies.

Believes nothing: every count, length and offset is held against the file before it is used. Knows
no models and no arithmetic. Source: ggml's ``docs/gguf.md``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import ConvertError
from ...formats.codec import Float32
from ..source import InputFile
from .blocks import UNREAD, BlockType, Bytes, block_type
from .metadata import ARRAY, COUNT, NUMBERS, STRING, Metadata, Place

MAGIC = b"GGUF"
HEADER_LIMIT = 1 << 27  # ten times the largest vocabulary's; what is longer is no header
MAX_ENTRIES = 1 << 17
MAX_NAME = 1 << 10
MAX_ALIGNMENT = 1 << 20
MAX_DIMS = 4
WINDOW = 1 << 20
AGAIN = "download it again"

_CODE = struct.Struct("<I")


def is_gguf(path: Path) -> bool:
    """Tell whether a file begins as GGUF does. Raises ``ConvertError`` for what can't be read."""
    file = InputFile(path)
    try:
        return file.size >= 4 and file.read(0, 4, "the first bytes").tobytes() == MAGIC
    finally:
        file.close()


@dataclass(frozen=True)
class StoredTensor:
    """A tensor and its place: ``shape`` as rows and columns go, the contiguous axis last."""

    name: str
    type: BlockType
    shape: tuple[int, ...]
    file: InputFile
    offset: int

    @property
    def n_values(self) -> int:
        """How many weights it has."""
        return math.prod(self.shape)

    @property
    def n_bytes(self) -> int:
        """How many bytes they take in the file."""
        return self.n_values // self.type.values * self.type.size

    def blocks(self, start: int, stop: int) -> Bytes:
        """Read rows ``start`` to ``stop`` as blocks of the type; a vector is one row."""
        row = self.shape[-1] // self.type.values * self.type.size
        raw = self.file.read(self.offset + row * start, row * (stop - start), self.name)
        return raw.reshape(-1, self.type.size)

    def floats(self, start: int, stop: int) -> Float32:
        """Read rows ``start`` to ``stop``, float32 ``(stop - start, cols)``."""
        # A damaged scale shows up as a NaN or an infinity, which the formats refuse by name.
        with np.errstate(over="ignore", invalid="ignore"):
            values = self.type.floats(self.blocks(start, stop))
        return values.reshape(stop - start, -1)


class GgufFile:
    """One file: header, key-values and tensors, every number of them checked."""

    def __init__(self, path: Path) -> None:
        """Open it and read all but the values and the weights. Raises ``ConvertError``."""
        self.file = InputFile(path)
        try:
            self._cursor = _Cursor(self.file)
            self.version, n_tensors, n_values = self._header()
            self.metadata = Metadata(self.file, dict(self._values(n_values)))
            self.tensors = self._tensors(n_tensors)
        except BaseException:
            self.file.close()
            raise

    def _header(self) -> tuple[int, int, int]:
        path, cursor = self.file.path, self._cursor
        if self.file.size < 24:
            raise ConvertError(f"{path}: {self.file.size} bytes, shorter than a GGUF header", AGAIN)
        if cursor.take(4, "the mark") != MAGIC:
            raise ConvertError(f"{path}: isn't a GGUF file")
        version = cursor.code("the version")
        if version & 0xFFFF == 0:
            raise ConvertError(f"{path}: is big-endian", "get the little-endian file of the model")
        if version not in (2, 3):
            what = f"GGUF version {version}, which isn't known"
            raise ConvertError(f"{path}: {what}", "versions 2 and 3 are read")
        n_tensors, n_values = (cursor.count(f"the count of {x}") for x in ("tensors", "values"))
        for what, n in (("tensors", n_tensors), ("key-values", n_values)):
            if n > MAX_ENTRIES:
                raise ConvertError(f"{path}: header says {n} {what}, over {MAX_ENTRIES}", AGAIN)
        return version, n_tensors, n_values

    def _values(self, n: int) -> Iterator[tuple[str, Place]]:
        cursor, seen = self._cursor, set()
        for i in range(n):
            key = cursor.name(f"key {i}")
            if key in seen:
                raise ConvertError(f"{self.file.path}: {key} stands there twice", AGAIN)
            seen.add(key)
            kind = cursor.code(f"the type of {key}")
            count = None
            if kind == ARRAY:
                kind = cursor.code(f"the type of {key}")
                count = cursor.count(f"the length of {key}")
            start = cursor.at
            if kind == STRING:
                cursor.skip_strings(1 if count is None else count, key)
            elif kind in NUMBERS:
                cursor.skip(NUMBERS[kind].size * (1 if count is None else count), key)
            else:
                what = f"{key} has a value of type {kind}, which isn't known"
                raise ConvertError(f"{self.file.path}: {what}", AGAIN)
            yield key, Place(kind, start, cursor.at, count)

    def _tensors(self, n: int) -> dict[str, StoredTensor]:
        path, found = self.file.path, [self._tensor(i) for i in range(n)]
        alignment = self.metadata.integer("general.alignment", 32)
        if not 0 < alignment <= MAX_ALIGNMENT or alignment & (alignment - 1):
            raise ConvertError(f"{path}: general.alignment is {alignment}", AGAIN)
        data = self._cursor.at + -self._cursor.at % alignment
        tensors, free_from = {}, data
        for name, kind, shape, offset in sorted(found, key=lambda tensor: tensor[3]):
            tensor = StoredTensor(name, kind, shape, self.file, data + offset)
            stop = tensor.offset + tensor.n_bytes
            if stop > self.file.size:
                what = f"{name} ends at byte {stop:,} and the file at {self.file.size:,}"
                raise ConvertError(f"{path}: {what}", f"it is incomplete: {AGAIN}")
            if offset % alignment or tensor.offset < free_from or name in tensors:
                raise ConvertError(f"{path}: {name} can't lie at byte {tensor.offset:,}", AGAIN)
            tensors[name], free_from = tensor, stop
        return tensors

    def _tensor(self, i: int) -> tuple[str, BlockType, tuple[int, ...], int]:
        path, cursor = self.file.path, self._cursor
        name = cursor.name(f"the name of tensor {i}")
        n_dims = cursor.code(f"the dimensions of {name}")
        if not 0 < n_dims <= MAX_DIMS:
            raise ConvertError(f"{path}: {name} has {n_dims} dimensions", AGAIN)
        # In the file the contiguous axis comes first.
        shape = tuple(cursor.count(f"the shape of {name}") for _ in range(n_dims))[::-1]
        code = cursor.code(f"the type of {name}")
        kind = block_type(code)
        if kind is None:
            what = f"{name} has the type {UNREAD.get(code, code)}, which isn't read"
            raise ConvertError(f"{path}: {what}", "get the model as Q4_K_M, Q8_0 or F16")
        if not all(shape) or shape[-1] % kind.values:
            raise ConvertError(f"{path}: {name} of shape {shape} can't be {kind.name}", AGAIN)
        return name, kind, shape, cursor.count(f"the offset of {name}")


class _Cursor:
    """The front of a file, a window at a time; nothing beyond its end is ever asked for."""

    def __init__(self, file: InputFile) -> None:
        self._file, self._limit = file, min(file.size, HEADER_LIMIT)
        self._window, self._start = b"", 0
        self.at = 0

    def take(self, n: int, what: str) -> bytes:
        self._fill(n, what)
        at = self.at - self._start
        self.at += n
        return self._window[at : at + n]

    def code(self, what: str) -> int:
        code: int = _CODE.unpack(self.take(_CODE.size, what))[0]
        return code

    def count(self, what: str) -> int:
        count: int = COUNT.unpack(self.take(COUNT.size, what))[0]
        return count

    def name(self, what: str) -> str:
        n = self.count(what)
        name = self.take(n, what).decode(errors="replace") if n <= MAX_NAME else ""
        if not name.isprintable() or not name:  # it goes into messages, so to a terminal
            raise ConvertError(f"{self._file.path}: {what} is no name", AGAIN)
        return name

    def skip(self, n: int, what: str) -> None:
        self._check(n, what)
        self.at += n

    def skip_strings(self, n: int, what: str) -> None:
        self._check(COUNT.size * n, what)
        length, done = COUNT.unpack_from, 0
        while done < n:
            self._fill(COUNT.size, what)
            window, at, last = self._window, self.at - self._start, len(self._window) - COUNT.size
            while done < n and at <= last:
                at += COUNT.size + length(window, at)[0]
                done += 1
            self.at = self._start + at
            self._check(0, what)

    def _fill(self, n: int, what: str) -> None:
        """Have ``n`` bytes from here on in the window."""
        self._check(n, what)
        if not self._start <= self.at <= self._start + len(self._window) - n:
            size = min(max(n, WINDOW), self._limit - self.at)
            self._window, self._start = self._file.read(self.at, size, what).tobytes(), self.at

    def _check(self, n: int, what: str) -> None:
        if n > self._limit - self.at:
            place = "the file" if self._limit == self._file.size else "any header"
            raise ConvertError(
                f"{self._file.path}: {what} goes beyond the end of {place} "
                f"({n:,} bytes at {self.at:,} of {self._limit:,})",
                f"it is damaged or incomplete: {AGAIN}",
            )
