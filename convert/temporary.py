"""Temporary folders beside what is to be written, which a later process finds if theirs is killed.

All that is there for a while only, libraries' own files too, stands in such a folder, whose name
says which process made it. Where that runs no more, the next one to write beside it takes it away.
What can't be known (of another machine on a shared disk, or where the system doesn't say when a
process began) goes once nobody has written there for a day.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .owner import OWNER, runs, this_process

ABANDONED = 86400.0
"""Seconds after which a folder that nobody has written to is nobody's."""

WHOLE, OLD, GONE = "whole", "old", "gone"
"""Inside: files that are whole and go to where the folder stands, what they replace, and what they
have replaced for good."""

_NAME = re.compile(rf"\.llama2ncnn-({OWNER})-[0-9a-f]{{8}}")


@contextmanager
def temporary_folder(beside: Path | None = None) -> Iterator[Path]:
    """Make a folder in ``beside``, or where the system has such, which goes with the block.

    Only its owner may enter it. What killed processes left there goes first. Raises ``OSError``.
    """
    folder = name_folder(beside)
    try:  # before it is there: an interrupt comes at any time
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        discard(folder)


def name_folder(beside: Path | None = None) -> Path:
    """Name a temporary folder that the caller makes and discards, as ``temporary_folder`` does."""
    beside = beside or Path(tempfile.gettempdir())
    sweep(beside)
    return _new_name(beside)


def discard(folder: Path) -> None:
    """Remove a temporary folder, as far as that can be done."""
    with suppress(OSError):
        if (folder / OLD).exists():  # first, or of half a folder it would be put back
            (folder / OLD).rename(folder / GONE)
        shutil.rmtree(folder, ignore_errors=True)


def is_temporary(name: str) -> bool:
    """Tell whether a folder of that name is one of these."""
    return _NAME.fullmatch(name) is not None


def sweep(beside: Path) -> None:
    """Remove the temporary folders of processes that run no more, as far as that can be done.

    Files that were whole when their process was killed are put in place.
    """
    with suppress(OSError, ValueError):  # no such folder, or no name for one
        with os.scandir(beside) as entries:
            left = [Path(entry) for entry in entries if _is_left(entry)]
        for folder in left:
            with suppress(OSError):
                # Whoever renames it first has it; if that one is killed too, others go on.
                folder.rename(mine := _new_name(beside))
                _settle(mine)
                discard(mine)


def put_in_place(folder: Path) -> None:
    """Move the files of ``WHOLE`` to beside the folder, in their order, and what stood there away.

    The last is a seal: while others are swapped, no old one stands beside new files. Each name
    begins with its number in the order and a point.
    """
    new = _in_order(folder / WHOLE)
    for file in reversed(new):  # the old seal is the first to go
        if os.path.lexists(_target(file)):
            (folder / OLD).mkdir(exist_ok=True)
            os.replace(_target(file), folder / OLD / file.name)
    for file in new:
        os.replace(file, _target(file))
    sync(folder.parent)


def put_back(folder: Path) -> None:
    """Move the files of ``OLD`` to where they were, the seal last."""
    for file in _in_order(folder / OLD):
        os.replace(file, _target(file))


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, durable. Raises ``OSError``."""
    if os.name == "nt" and path.is_dir():  # can't be opened; its renames are durable without
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _settle(folder: Path) -> None:
    """End what a killed process began: no file that it was replacing is lost."""
    if (folder / WHOLE).is_dir():
        put_in_place(folder)
    elif (folder / OLD).is_dir():
        put_back(folder)


def _in_order(folder: Path) -> list[Path]:
    return sorted(folder.iterdir(), key=lambda file: int(file.name.partition(".")[0]))


def _target(file: Path) -> Path:
    return file.parents[2] / file.name.partition(".")[2]


def _new_name(beside: Path) -> Path:
    return beside / f".llama2ncnn-{this_process()}-{secrets.token_hex(4)}"


def _is_left(entry: os.DirEntry[str]) -> bool:
    """Tell whether it is a temporary folder of this person's that nobody works in."""
    name = _NAME.fullmatch(entry.name)
    if name is None or not entry.is_dir(follow_symlinks=False):
        return False
    if hasattr(os, "getuid") and entry.stat(follow_symlinks=False).st_uid != os.getuid():
        return False
    running = runs(name[1])
    return _is_idle(Path(entry)) if running is None else not running


def _is_idle(folder: Path) -> bool:
    newest = max(path.lstat().st_mtime for path in (folder, *folder.rglob("*")))
    return time.time() - newest > ABANDONED
