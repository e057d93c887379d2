"""Whether a disk has room for what is to be written, asked before anything is."""

from __future__ import annotations

import shutil
from pathlib import Path

from .errors import WriteError
from .temporary import sweep


def refuse_if_full(folder: Path, n_bytes: int, what: str, hint: str) -> None:
    """Raise ``WriteError`` where ``what`` takes more bytes than are free in a folder.

    So it does for a folder that isn't there; ``hint`` is what else to do than making room. What
    killed processes left there goes first.
    """
    sweep(folder)
    try:
        free = shutil.disk_usage(folder).free
    except OSError as e:
        raise WriteError(f"{folder}: {e.strerror}", "name a folder that exists") from e
    except ValueError as e:  # a NUL in the name
        raise WriteError(f"{str(folder)!r}: not a file name: {e}") from e
    if free < n_bytes:
        raise WriteError(f"{what} takes {n_bytes:,} bytes and {folder} has {free:,} free", hint)
