"""Writes files that are whole or not there: beside, synced, renamed. Knows no formats."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from convert.temporary import sweep, sync, temporary_folder

from .paths import cache_dir, config_file, data_dir, state_dir


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a place to write to; it becomes ``path`` if the block ends well.

    Only its owner may read the file. What stood at ``path`` stays untouched otherwise, and nothing
    is left beside it. Raises ``OSError``.
    """
    with temporary_folder(path.parent) as folder:
        new = folder / path.name
        os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield new
        sync(new)
        new.replace(path)
        sync(path.parent)


def sweep_own_folders() -> None:
    """Remove what killed processes left in the folders that are the program's own."""
    for root in (cache_dir(), config_file().parent, data_dir(), state_dir()):
        sweep(root)
        with suppress(OSError), os.scandir(root) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    sweep(Path(entry))
