"""Writes files that are whole or not there: beside, synced, renamed. Knows no formats."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUFFIX = ".tmp"
"""The suffix of a file that is being written; after a crash, of what is left of it."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a place beside ``path`` to write to; it becomes ``path`` if the block ends well.

    Only its owner may read the file. What stood at ``path`` stays untouched otherwise, and nothing
    is left beside it. Raises ``OSError``.
    """
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}{SUFFIX}")
    try:
        os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield beside
        _fsync(beside)
        beside.replace(path)
        _fsync(path.parent)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _fsync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # can't be opened; its renames are durable without
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
