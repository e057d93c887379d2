"""The one way to standard output and standard error, of the converter's command and of all faces.

What is written can't command a terminal, whoever made the text, and what can't be written to
standard error is lost and changes nothing. Knows no words.
"""

from __future__ import annotations

import errno
import io
import json
import os
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TextIO

TURNS = "\u202a-\u202e\u2066-\u2069"
"""What turns the direction of the text after it around, whatever that says."""
_COMMANDS = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{TURNS}]")
"""The same, C0 except tab and newline, DEL, and C1."""
_LONE = re.compile("[\ud800-\udfff]")
"""Surrogates, which no stream can encode: in a name, bytes that are no text."""
_UNSAFE = re.compile(f"{_COMMANDS.pattern}|{_LONE.pattern}")

RESET = "\x1b[0m"


class OutputError(OSError):
    """Standard output is closed or full: nobody gets what was asked for."""


class Styled(str):
    """Printable text between escape sequences of our own, which are all that it has."""

    __slots__ = ()


def printable(text: str) -> str:
    """Return text of a model, a file or a session without what would command the terminal."""
    if isinstance(text, Styled):
        return text
    return _LONE.sub("\ufffd", _COMMANDS.sub("", text))


def styled(style: str, text: str) -> Styled:
    """Put a text between an escape sequence and the one that ends all styles."""
    return Styled(f"{style}{printable(text)}{RESET}")


def joined(parts: Iterable[str], by: str = "") -> Styled:
    """Join texts of which some are styled; the others become printable."""
    return Styled(by.join(map(printable, parts)))


def json_of(body: object, indent: int | None = None) -> str:
    """Write JSON whose strings are exact, and which can be shown: what can't is a number in it."""
    text = json.dumps(body, ensure_ascii=False, indent=indent)
    return _UNSAFE.sub(lambda unsafe: f"\\u{ord(unsafe[0]):04x}", text)


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a stream ends in a terminal."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def prepare() -> None:
    """Make the streams ready for any text, before any file is opened.

    Bytes that are no text come in as U+FFFD, and what an output's encoding doesn't have goes out as
    a question mark. A descriptor that is closed would be the next file's, into which libraries then
    write: it goes to where nothing can be done.
    """
    for descriptor in range(3):
        if not _is_open(descriptor):
            with suppress(OSError):
                os.open(os.devnull, os.O_RDONLY if descriptor else os.O_WRONLY)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def put(text: str, *, exact: bool = False) -> None:
    """Write to standard output at once; ``exact``: as it is, where that is no terminal.

    Raises ``OutputError`` where it is closed or full, ``BrokenPipeError`` where nobody reads on.
    """
    stream = sys.stdout
    if stream is None:
        raise OutputError(errno.EBADF, "it is closed")
    try:
        stream.write(text if exact and not is_terminal(stream) else printable(text))
        stream.flush()
    except BrokenPipeError:
        discard(stream)
        raise
    except OSError as e:
        discard(stream)
        raise OutputError(e.errno, e.strerror) from e


def say(line: str) -> None:
    """Write one line to standard error, whatever a name has put into it, if that can be done."""
    note(" ".join(printable(line).splitlines()) + "\n")


def note(text: str) -> None:
    """Write to standard error at once, if that can be done."""
    if sys.stderr is not None:
        _try_to_write(sys.stderr, printable(text))


def _try_to_write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):  # full; nobody reads; closed
        discard(stream)


class Drawings(io.TextIOBase):
    """A stream for a library that draws on it, with escape sequences of its own."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream  # this one: while it draws, a library puts its own in the place

    @property
    def encoding(self) -> str:  # type: ignore[override] # a mere attribute there
        """The stream's."""
        return self._stream.encoding

    def write(self, text: str, /) -> int:
        """Write, if that can be done."""
        _try_to_write(self._stream, text)
        return len(text)

    def isatty(self) -> bool:
        """Tell whether the stream is a terminal."""
        return is_terminal(self._stream)


def discard(stream: TextIO) -> None:
    """Send what is left in a stream to nowhere: Python flushes it once more when it exits."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
