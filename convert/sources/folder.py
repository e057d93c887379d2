"""Files of a folder that was downloaded: found by name without leaving it, their JSON by type.

Trusts neither names nor values. Knows nothing of models.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

from ..errors import ConvertError
from ..files import is_file
from .not_models import not_a_model
from .source import InputFile

MAX_JSON = 8 << 20  # what it becomes in memory is some twenty times as large
MAX_DIGITS = 25


def file_in(folder: Path, name: str) -> Path | None:
    """Find a file of ``folder`` by its name; None if there is none.

    Raises ``ConvertError`` for a name that leads elsewhere, and for a link out of the folder. One
    into the ``blobs`` of the Hub's cache that the folder is a snapshot of is how that is built.
    """
    if name in ("", ".", "..") or any(c in name for c in "/\\\0"):
        raise ConvertError(
            f"{folder}: names {name[:80]!r} as one of its files", "a file's name is no path"
        )
    path = folder / name
    if not is_file(path):
        return None
    try:
        real, home = path.resolve(strict=True), folder.resolve(strict=True)
    except (OSError, RuntimeError) as e:  # a loop of links is a RuntimeError up to Python 3.12
        raise ConvertError(f"{path}: can't open: {e}") from e
    blobs = [up.parent / "blobs" for up in home.parents if up.name == "snapshots"]
    if real.parent in (home, *blobs):
        return path
    raise ConvertError(
        f"{path}: is a link to {real}, out of its folder", "copy the file if it is the right one"
    )


def read_json(path: Path, where: str = "") -> Fields:
    """Read a file that is one JSON object; ``where`` names it in errors, by default as it lies.

    Raises ``ConvertError``.
    """
    where = where or str(path)
    file = InputFile(path)
    try:
        if file.size > MAX_JSON:
            raise ConvertError(f"{where}: {file.size:,} bytes, more than any such file has")
        return parse_json(file.read(0, file.size, "the text").tobytes(), where)
    except ConvertError as error:
        raise not_a_model(path) or error from None
    finally:
        file.close()


def parse_json(raw: bytes, where: str) -> Fields:
    """Read bytes that are one JSON object; ``where`` names them in errors (``ConvertError``)."""
    try:
        values = json.loads(raw.decode("utf-8"), parse_int=_whole)
    except (ValueError, RecursionError) as e:
        what = "nested too deep" if isinstance(e, RecursionError) else str(e)
        raise ConvertError(f"{where}: isn't JSON: {what[:100]}", "download it again") from None
    if not isinstance(values, dict):
        raise ConvertError(f"{where}: isn't a JSON object", "download it again")
    return Fields(values, where)


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:  # time grows with their square
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


class Fields:
    """The values of a JSON object by name and type. A null is as good as nothing.

    All raise ``ConvertError`` for a value of another type, and for none where there is no default.
    """

    def __init__(self, values: dict[str, Any], where: str) -> None:
        """Take the ``values`` of the object that ``where`` names in errors."""
        self.values, self.where = values, where

    def has(self, name: str) -> bool:
        """Tell whether there is such a value, and that it isn't null."""
        return self.values.get(name) is not None

    def integer(self, name: str, default: int | None = None) -> int:
        """Look up a whole number."""
        value = self._value(name, default)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if type(value) is not int:
            self._refuse(name, value, "a whole number")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """Look up a finite number."""
        value = self._value(name, default)
        if type(value) not in (int, float) or not math.isfinite(value):
            self._refuse(name, value, "a number")
        return float(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """Look up a yes or no."""
        value = self._value(name, default)
        if type(value) is not bool:
            self._refuse(name, value, "true or false")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        """Look up a text."""
        value = self._value(name, default)
        if not isinstance(value, str):
            self._refuse(name, value, "a text")
        return value

    def items(self, name: str) -> list[Any]:
        """Look up a list; nothing there is an empty one."""
        value = self._value(name, [])
        if not isinstance(value, list):
            self._refuse(name, value, "a list")
        return value

    def inner(self, name: str) -> Fields | None:
        """Look up an object inside, or None."""
        if not self.has(name):
            return None
        value = self.values[name]
        if not isinstance(value, dict):
            self._refuse(name, value, "an object")
        return Fields(value, f"{self.where}: {name}")

    def _value(self, name: str, default: Any) -> Any:
        value = self.values.get(name)
        value = default if value is None else value
        if value is None:
            raise ConvertError(f"{self.where}: {name} is missing", "is it the right file?")
        return value

    def _refuse(self, name: str, value: object, kind: str) -> NoReturn:
        # Not repr: it goes as deep as the value does.
        shown = repr(value)[:60] if isinstance(value, str | int | float) else "something else"
        raise ConvertError(f"{self.where}: {name} is {shown}, not {kind}")
