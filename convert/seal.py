"""Where a model is, and whether its files are one set.

While others replace them, its ``.desc`` is another or away. Knows nothing of what is in them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from .errors import ConvertError
from .files import is_file, is_folder
from .stem import file_of, stem_of
from .temporary import OLD, WHOLE, is_temporary, sweep

T = TypeVar("T")

Seal = tuple[int, int, int]
"""What tells a ``.desc`` from any that stood there before, or comes after."""

TRIES, PAUSE = 20, 0.05
"""How often a set is read that is being replaced, and the seconds in between."""


class ReplacedError(ConvertError):
    """Files were replaced by others while they were opened."""

    def __init__(self, stem: Path) -> None:
        """Say so of the model at ``stem``."""
        super().__init__(f"{stem}: was being replaced while it was opened", "try again")


def seal_of(stem: Path) -> Seal | None:
    """Look which ``.desc`` a model has now; None if there is none."""
    with suppress(OSError, ValueError):
        status = os.stat(file_of(stem, ".desc"))
        return status.st_ino, status.st_mtime_ns, status.st_size
    return None


def read_sealed(stem: Path, read: Callable[[], T]) -> tuple[T, Seal]:
    """Do what ``read`` does with several files of a model; returns what it gives, and the seal.

    It is done again where files were replaced meanwhile, for a second. Raises ``ReplacedError``
    where that was not enough, and what ``read`` raises (``ConvertError``) of files that stay.
    """
    for _ in range(TRIES):
        before = seal_of(stem)
        try:
            result = read()
            if before is not None and seal_of(stem) == before:
                return result, before
        except ConvertError:
            there = before is not None or not is_being_replaced(stem)
            if there and seal_of(stem) == before:
                raise
        time.sleep(PAUSE)
    raise ReplacedError(stem)


def is_model(path: str | os.PathLike[str]) -> bool:
    """Tell whether ``path`` names a converted model, and not a checkpoint."""
    return model_stem(Path(path)) is not None


def model_stem(path: Path) -> Path | None:
    """Find the stem of the converted model that a path names; None if it names another thing."""
    stem = stem_of(path)
    if not stem.name:
        return None
    # What is there and bears no name of a model's is a checkpoint, whatever stands beside.
    if stem == path and (is_file(path) or is_folder(path)):
        return None
    named, desc = path.suffix in (".param", ".desc"), file_of(stem, ".desc")
    # Asked for once more, for whoever was replacing it may have ended meanwhile.
    there = named or is_file(desc) or is_being_replaced(stem) or is_file(desc)
    return stem if there else None


def read_at_rest(path: Path, read: Callable[[], T]) -> T:
    """Do what ``read`` does with a checkpoint, or with a model whose files are one set.

    Raises ``ReplacedError`` for a model that others don't stop to replace, and what ``read`` does.
    """
    stem = model_stem(path)
    return read() if stem is None else read_sealed(stem, read)[0]


def is_being_replaced(stem: Path) -> bool:
    """Tell whether somebody is putting files of a model in place.

    What a process has left half-way that was killed is put in place first.
    """
    sweep(stem.parent)
    with suppress(OSError, ValueError), os.scandir(stem.parent) as entries:
        folders = [Path(entry) for entry in entries if is_temporary(entry.name)]
        parts = (folder / part for folder in folders for part in (OLD, WHOLE))
        return any(_has_files_of(stem, part) for part in parts)
    return False


def _has_files_of(stem: Path, folder: Path) -> bool:
    with suppress(OSError):
        names = (file.name.partition(".")[2] for file in folder.iterdir())
        return any(name.startswith(f"{stem.name}.") for name in names)
    return False
