"""The prompt of a one-shot run, from arguments, a file and standard input together.

Knows the options and the streams; what is done with the prompt, it doesn't.
"""

from __future__ import annotations

import os
import select
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UsageError
from ..launch.options import Options
from ..reading import MAX_TEXT, read_argument, text_of
from .telling import tell

SILENCE, PATIENCE = 0.2, 1.0
"""Seconds without a byte in which nothing is meant for us; and without an end before it is said."""

WAITING = "reading standard input to its end (--no-stdin leaves it alone)"
STDIN = (Path("-"), Path("/dev/stdin"), Path("/dev/fd/0"))


def has_prompt(options: Options) -> bool:
    """Tell whether the command line has one."""
    return (options.prompt, options.words, options.file) != (None, None, None)


def read_prompt(options: Options) -> str | None:
    """Read standard input, then one newline, then the rest; None if there is none of them.

    A pipe is read unasked, unless nothing is to be read from it; a terminal only for ``-``. Where
    there is a prompt already, a pipe that stays silent adds nothing.
    """
    given = [t for t in (options.prompt, options.words) if t is not None]
    if len(given) + (options.file is not None) > 1:
        raise UsageError("two prompts given", "use one of PROMPT, --prompt and --file")
    text = given[0] if given else None
    if text == "-" or options.file in STDIN:
        return _read_stdin()
    if options.file is not None:
        text = read_named(options.file)
    if not options.stdin or not _stdin_has_text() or (text is not None and _is_silent()):
        return text
    before = _read_stdin()
    if text is None:
        return before
    return f"{before.removesuffix(chr(10))}\n{text}" if before else text


def read_named(path: Path) -> str:
    """Read a file that the command line names; says so where a pipe in its place takes long."""
    with _said_if_long(f"reading {path} to its end"):
        return read_argument(path)


@contextmanager
def _said_if_long(what: str) -> Iterator[None]:
    waiting = threading.Timer(PATIENCE, tell, [what])
    waiting.daemon = True
    waiting.start()
    try:
        yield
    finally:
        waiting.cancel()


def _stdin_has_text() -> bool:
    """Whether standard input is a pipe or a file."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # none, closed, or not a real file
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def _is_silent() -> bool:
    """Whether nothing comes from standard input, not even its end, for a short while.

    A parent process, ssh and cron leave it open without meaning anything by it.
    """
    try:
        return not select.select([sys.stdin], [], [], SILENCE)[0]
    except (OSError, ValueError):  # pipes of Windows can't be asked
        return False


def _read_stdin() -> str:
    if sys.stdin is None:
        raise UsageError("standard input is closed", "name the prompt with -p, or a file with -f")
    with _said_if_long(WAITING):
        raw = sys.stdin.buffer.read(MAX_TEXT + 1)
    if len(raw) > MAX_TEXT:
        raise UsageError(
            f"standard input is over {MAX_TEXT:,} bytes, which no context holds", "is it a text?"
        )
    return text_of(raw, "replace")
