"""Atomic output: a file is written beside its final name and renamed when it is whole.
An interrupted step therefore never leaves a half-written file that a later run would trust."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def write_beside(path: Path) -> Iterator[Path]:
    """Give a path in the same folder to write to; it becomes `path`, or goes after an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
