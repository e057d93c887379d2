"""A set of files that appears whole or not at all: written beside, fsynced, renamed, the seal last.

Knows nothing of models. On any failure, an interrupt included, the old files stand as they were.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from .errors import ConvertError, WriteError

ABANDONED = 86400.0
"""Seconds after which a temporary file that nobody writes to was left by a killed process."""


class FileSet:
    """Temporary siblings of the final files, renamed over them by ``commit``.

    The last file opened is the seal: while the others are swapped in, no old seal stands beside
    new files, so a reader (or a crash) finds a whole set or none.
    """

    def __init__(self) -> None:
        """Begin with no file."""
        self._pending: list[tuple[BinaryIO, Path]] = []
        self._litter: list[Path] = []  # names to unlink on the way out, noted before they exist

    def __enter__(self) -> FileSet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None
    ) -> None:
        for file, _path in self._pending:
            with contextlib.suppress(OSError):  # a full disk may refuse even the last buffer
                file.close()
        for path in self._litter:
            with contextlib.suppress(OSError):
                path.unlink()
        if isinstance(value, OSError):
            where = self._pending[-1][1] if self._pending else value.filename
            raise WriteError(
                f"{where}: can't write: {value.strerror}", "what stood there is untouched"
            ) from value

    def open(self, path: Path) -> BinaryIO:
        """Open a new temporary file that will become ``path``."""
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        self._litter.append(beside)
        _sweep(path)
        try:
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            file = open(beside, "xb", buffering=1 << 20)  # noqa: SIM115 (closed by __exit__)
        except OSError as e:
            raise WriteError(f"{path}: can't write: {e.strerror}") from e
        except ValueError as e:  # a NUL in the name
            self._litter.remove(beside)
            raise WriteError(f"{str(path)!r}: not a file name: {e}") from e
        self._pending.append((file, path))
        return file

    def commit(self) -> None:
        """Make every file durable, then put them in place in the order they were opened."""
        for file, _path in self._pending:
            file.flush()
            os.fsync(file.fileno())
            file.close()
        swaps = [_Swap(Path(file.name), path) for file, path in self._pending]
        try:
            for swap in reversed(swaps):  # the old seal is the first to go
                if os.path.lexists(swap.path):
                    os.replace(swap.path, swap.old)
            for swap in swaps:
                os.replace(swap.new, swap.path)
            # Only now: where an undo fails or is stopped, the old file is the one copy there is.
            self._litter += [swap.old for swap in swaps]
        except BaseException:
            for swap in swaps:
                swap.undo()
            raise
        _fsync_folder(swaps[-1].path.parent)


class _Swap:
    """One rename of a set: ``new`` becomes ``path``, and what stood there waits as ``old``."""

    def __init__(self, new: Path, path: Path) -> None:
        self.new, self.path = new, path
        self.old = path.with_name(f".{path.name}.{secrets.token_hex(4)}.old")

    def undo(self) -> None:
        """Put back what stood there; asks the disk how far things went, so it is always right."""
        if os.path.lexists(self.old):
            os.replace(self.old, self.path)
        elif not self.new.exists():  # it is in place, where nothing stood
            with contextlib.suppress(FileNotFoundError):
                self.path.unlink()


def _sweep(path: Path) -> None:
    """Remove what earlier processes that were killed left beside a file of that name."""
    with contextlib.suppress(OSError, ValueError):
        for left in path.parent.glob(f".{glob.escape(path.name)}.????????.part"):
            if time.time() - left.stat().st_mtime > ABANDONED:
                left.unlink()


def _fsync_folder(folder: Path) -> None:
    # Windows can't open a folder; its renames are durable without.
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def open_regular(path: Path) -> BinaryIO:
    """Open an input for unbuffered reading; a folder, a pipe or a device is a ``ConvertError``.

    Asked first, because opening a pipe waits for a writer.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ConvertError(f"{path}: not a regular file")
        return open(path, "rb", buffering=0)
    except OSError as e:
        raise ConvertError(f"{path}: can't open: {e.strerror}") from e
    except ValueError as e:  # a NUL in the name
        raise ConvertError(f"{str(path)!r}: not a file name: {e}") from e


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
    buffer = memoryview(bytearray(1 << 20))
    with open_regular(path) as f:
        while n := f.readinto(buffer):  # type: ignore[attr-defined]
            digest.update(buffer[:n])
            done += n
            if progress:
                progress(done)
    return digest.hexdigest()
