"""The key-values of a GGUF file, read when they are asked for.

Knows where the values lie and how each type is stored, no key by name. Source: ggml's
``docs/gguf.md``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ConvertError
from ..source import InputFile

Value = int | float | str | list[str] | npt.NDArray[Any]
"""A key's value; numbers in an array come as numpy's, in the type of the file."""

COUNT = struct.Struct("<Q")
NUMBERS = {
    code: struct.Struct(f"<{letter}")
    for code, letter in zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True)
}
"""How a number of each type is stored."""

STRING, ARRAY = 8, 9


@dataclass(frozen=True)
class Place:
    """Where a value lies; an array of ``count`` where that isn't None."""

    type: int
    start: int
    stop: int
    count: int | None = None


class Metadata(Mapping[str, Value]):
    """Key-values of a file, each read when it is asked for: a vocabulary costs nothing until then.

    Asking is possible while the file is open. Bytes that are no UTF-8 come as U+FFFD.
    """

    def __init__(self, file: InputFile, places: dict[str, Place]) -> None:
        """Know where every value lies; reads nothing."""
        self._file, self._places = file, places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def __getitem__(self, key: str) -> Value:
        """Read one value. Raises ``KeyError``, and ``ConvertError`` for a file that shrank."""
        place = self._places[key]
        raw = self._file.read(place.start, place.stop - place.start, key)
        if place.type == STRING:
            data = raw.tobytes()
            if place.count is None:
                return data[COUNT.size :].decode(errors="replace")
            return list(_strings(data, place.count))
        number = NUMBERS[place.type]
        if place.count is not None:
            values = raw.view(np.dtype(number.format.replace("?", "B")))
            return values != 0 if number.format.endswith("?") else values
        value: int | float = number.unpack(raw.tobytes())[0]
        # The decimal that was meant: 1e-05, not 9.999999747378752e-06.
        return float(str(np.float32(value))) if number.format == "<f" else value

    def integer(self, key: str, default: int | None = None) -> int:
        """Read a whole number. Raises ``ConvertError`` where there is none and no default."""
        value = self._known(key, default)
        if not isinstance(value, int):
            raise self._strange(key, value)
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """Read a number. Raises ``ConvertError`` where there is none and no default."""
        value = self._known(key, default)
        if not isinstance(value, int | float):
            raise self._strange(key, value)
        return float(value)

    def text(self, key: str, default: str | None = None) -> str:
        """Read a text. Raises ``ConvertError`` where there is none and no default."""
        value = self._known(key, default)
        if not isinstance(value, str):
            raise self._strange(key, value)
        return value

    def _known(self, key: str, default: Value | None) -> Value:
        if key in self:
            return self[key]
        if default is None:
            raise ConvertError(f"{self._file.path}: {key} is missing", "is it a language model?")
        return default

    def _strange(self, key: str, value: Value) -> ConvertError:
        kind = "an array" if isinstance(value, list | np.ndarray) else f"{value!r:.40}"
        return ConvertError(f"{self._file.path}: {key} is {kind}, which can't be")


def _strings(data: bytes, count: int) -> Iterator[str]:
    length, at = COUNT.unpack_from, 0
    for _ in range(count):
        start = at + COUNT.size
        at = start + length(data, at)[0]
        yield data[start:at].decode(errors="replace")
