"""Reads what a person has in files, and lines of a stream: of a bounded size.

Whatever stands under a name, a pipe, a device or a disk's worth of bytes, it is refused with the
numbers, never waited for; but for the pipes that a shell makes of ``<(command)``. Knows
what bytes say of their encoding, and nothing of what the text is for.
"""

from __future__ import annotations

import os
import re
import stat
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path
from typing import TextIO

from convert.errors import ConvertError
from convert.files import open_regular, read_regular

from .errors import UsageError

MAX_TEXT = 16 << 20
"""Bytes of a text for a model; no context holds as many."""


class NoSuchFileError(UsageError):
    """There is no file of that name."""


def read_bytes(path: Path, most: int, what: str) -> bytes:
    """Read a regular file of at most ``most`` bytes; ``what`` it is goes into the refusal.

    Raises ``NoSuchFileError``, and ``UsageError`` for one that can't be read.
    """
    try:
        return read_regular(path, most, what)
    except ConvertError as e:
        raise _refusal(e) from e


def read_text(path: Path, errors: str = "strict") -> str:
    """Read a text for a model. Raises as ``read_bytes`` does, and as ``text_of``."""
    return text_of(read_bytes(path, MAX_TEXT, "a text for a model"), errors)


def read_argument(path: Path) -> str:
    """Read a text that a command line names, whose shell may have put a pipe in its place.

    That is read to its end, which may have to be waited for. Raises as ``read_bytes`` does.
    """
    made = re.fullmatch(r"/(?:dev|proc/self)/fd/([0-9]{1,9})", str(path))
    try:
        if made and stat.S_ISFIFO(os.fstat(int(made[1])).st_mode):
            with open(int(made[1]), "rb", closefd=False) as pipe:
                data = pipe.read(MAX_TEXT + 1)
            if len(data) > MAX_TEXT:
                raise UsageError(
                    f"{path}: over {MAX_TEXT:,} bytes, which no context holds", "is it a text?"
                )
            return text_of(data, "replace")
    except OSError as e:
        raise UsageError(f"{path}: can't read: {e.strerror}") from e
    return read_text(path, "replace")


def read_end(path: Path, most: int) -> tuple[bytes, bool]:
    """Read the last ``most`` bytes of a file, and tell whether that is all of it.

    Raises as ``read_bytes`` does.
    """
    try:
        with open_regular(path) as file:
            before = max(0, os.fstat(file.fileno()).st_size - most)
            file.seek(before)
            return file.read(most), not before
    except ConvertError as e:
        raise _refusal(e) from e
    except OSError as e:
        raise UsageError(f"{path}: can't read: {e.strerror}") from e


def read_line(stream: TextIO) -> str:
    """Read a line of standard input with its end; nothing at the stream's. Raises ``UsageError``.

    What has no ends of lines, as ``/dev/zero``, would be read for ever.
    """
    try:
        line = stream.readline(MAX_TEXT + 1)
    except OSError as e:  # a terminal that is gone
        raise UsageError(f"standard input: can't read: {e.strerror}") from e
    if len(line) > MAX_TEXT:
        raise UsageError(
            f"standard input has a line of over {MAX_TEXT:,} characters", "is it a text?"
        )
    return line


def text_of(data: bytes, errors: str = "strict") -> str:
    """Decode UTF-8, or UTF-16 behind its mark; no mark is left and lines end in newlines alone.

    ``errors`` is what to do with other bytes. Raises ``UnicodeDecodeError`` where that is "strict".
    """
    marked = data.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    text = data.decode("utf-16" if marked else "utf-8-sig", errors)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _refusal(error: ConvertError) -> UsageError:
    missing = isinstance(error.__cause__, FileNotFoundError)
    return (NoSuchFileError if missing else UsageError)(error.message, error.hint)
