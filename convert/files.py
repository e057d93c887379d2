"""A set of files that appears whole or not at all: written beside, fsynced, renamed, the seal last.

Knows nothing of models. On any failure, an interrupt included, the old files stand as they were.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from .errors import ConvertError, WriteError
from .temporary import OLD, WHOLE, discard, name_folder, put_back, put_in_place, sync

PIECE = 1 << 20
"""Bytes that are read at once."""

NEW = "new"
"""The folder of a set that isn't whole, inside its temporary one."""


class FileSet:
    """Files that are written in a temporary folder beside, and put in place by ``commit``.

    All go into one folder. The last file opened is the seal: while the others are swapped in, no
    old seal stands beside new files, so a reader (or a crash) finds a whole set or none.
    """

    def __init__(self) -> None:
        """Begin with no file."""
        self._pending: list[tuple[BinaryIO, Path]] = []
        self._folder: Path | None = None  # noted before it is there

    def __enter__(self) -> FileSet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None
    ) -> None:
        for file, _path in self._pending:
            with contextlib.suppress(OSError):  # a full disk may refuse even the last buffer
                file.close()
        if self._folder:
            discard(self._folder)
        if isinstance(value, OSError):
            where = self._pending[-1][1] if self._pending else value.filename
            raise WriteError(
                f"{where}: can't write: {value.strerror}", "what stood there is untouched"
            ) from value

    def open(self, path: Path) -> BinaryIO:
        """Open a new file that will become ``path``."""
        try:
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            new = self._new_folder(path.parent) / f"{len(self._pending)}.{path.name}"
            file = open(new, "xb", buffering=1 << 20)  # noqa: SIM115 (closed by __exit__)
        except OSError as e:
            raise WriteError(f"{path}: can't write: {e.strerror}") from e
        except ValueError as e:  # a NUL in the name
            raise WriteError(f"{str(path)!r}: not a file name: {e}") from e
        self._pending.append((file, path))
        return file

    def _new_folder(self, beside: Path) -> Path:
        if self._folder is None:
            self._folder = name_folder(beside)
            self._folder.mkdir(mode=0o700)
            (self._folder / NEW).mkdir()
        assert self._folder.parent == beside, "a set stands in one folder"
        return self._folder / NEW

    def commit(self) -> None:
        """Make every file durable, then put them in place in the order they were opened."""
        folder = self._folder
        assert folder is not None, "a set of no files"
        for file, _path in self._pending:
            file.flush()
            os.fsync(file.fileno())
            file.close()
        sync(folder / NEW)
        try:
            # From here on, whoever finds it when this process was killed puts the rest in place.
            (folder / NEW).rename(folder / WHOLE)
            put_in_place(folder)
        except BaseException:
            self._folder = None  # where an undo fails or is stopped, the old files in it stay
            self._undo(folder)
            self._folder = folder
            raise

    def _undo(self, folder: Path) -> None:
        """Put back what stood there; asks the disk how far things went, so it is always right."""
        if (folder / WHOLE).exists():
            (folder / WHOLE).rename(folder / NEW)
        for file, path in reversed(self._pending):
            if not (folder / NEW / Path(file.name).name).exists():  # it is in place
                path.unlink(missing_ok=True)
        if (folder / OLD).exists():
            put_back(folder)


def open_regular(path: Path) -> FileIO:
    """Open an input for unbuffered reading; a folder, a pipe or a device is a ``ConvertError``.

    Never waits, whatever takes the file's place meanwhile.
    """
    try:
        # Asked before as well, for there are devices that do something when they are opened.
        if stat.S_ISREG(os.stat(path).st_mode):
            file = open(path, "rb", buffering=0, opener=_without_waiting)  # noqa: SIM115
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return file
            file.close()
    except OSError as e:
        raise ConvertError(f"{path}: can't open: {e.strerror}") from e
    except ValueError as e:  # a NUL in the name
        raise ConvertError(f"{str(path)!r}: not a file name: {e}") from e
    raise ConvertError(f"{path}: not a regular file")


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe has no writer yet


def read_regular(path: Path, most: int, what: str) -> bytes:
    """Read all of an input that may have ``most`` bytes; ``what`` it is goes into the refusal.

    Raises ``ConvertError`` for more, of which no more is read, and for what isn't a regular file.
    """
    with open_regular(path) as file:
        try:
            size, read = os.fstat(file.fileno()).st_size, bytearray()
            # To its end, not to its size: some files of the system have none.
            while max(size, len(read)) <= most and (piece := file.read(PIECE)):
                read += piece
        except OSError as e:
            raise ConvertError(f"{path}: can't read: {e.strerror}") from e
    if (n := max(size, len(read))) > most:
        raise ConvertError(f"{path}: {n:,} bytes, and {what} has at most {most:,}")
    return bytes(read)


def is_file(path: Path) -> bool:
    """Tell whether a regular file is there; no for a name that can't be one (a NUL in it)."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Tell whether a folder is there; no for a name that can't be one."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def sha256_file(path: Path, progress: Callable[[int], None] | None = None) -> str:
    """Compute the SHA-256 of a file, in hex; ``progress`` is told the bytes done so far."""
    digest, done = hashlib.sha256(), 0
    buffer = memoryview(bytearray(PIECE))
    with open_regular(path) as f:
        while n := f.readinto(buffer):
            digest.update(buffer[:n])
            done += n
            if progress:
                progress(done)
    return digest.hexdigest()
