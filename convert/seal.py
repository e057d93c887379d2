"""Whether a model's files are one set: while others replace them, its ``.desc`` is another or away.

Knows nothing of what is in them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from .errors import ConvertError
from .stem import file_of
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
