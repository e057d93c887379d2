"""The prompt of a one-shot run, from arguments, a file and standard input together.

Knows the options and the streams; what is done with the prompt, it doesn't.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from ..errors import UsageError
from ..launch.options import Options

MAX_PROMPT = 64 << 20


def has_prompt(options: Options) -> bool:
    """Tell whether the command line has one."""
    return (options.prompt, options.words, options.file) != (None, None, None)


def read_prompt(options: Options) -> str | None:
    """Read standard input, then one newline, then the rest; None if there is none of them.

    A pipe is read unasked; a terminal only for ``-``.
    """
    given = [t for t in (options.prompt, options.words) if t is not None]
    if len(given) + (options.file is not None) > 1:
        raise UsageError("two prompts given", "use one of PROMPT, --prompt and --file")
    text = given[0] if given else None
    if options.file is not None:
        text = read_text(options.file)
    if text == "-":
        return _read_stdin()
    if not _stdin_has_text():
        return text
    before = _read_stdin()
    return before if text is None else f"{before.removesuffix(chr(10))}\n{text}"


def read_text(path: Path) -> str:
    """A text file of the person's. Raises ``UsageError``."""
    try:
        if path.stat().st_size > MAX_PROMPT:
            raise UsageError(f"{path}: {path.stat().st_size:,} bytes is no prompt")
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as e:
        raise UsageError(f"{path}: can't read: {e.strerror}") from e


def _stdin_has_text() -> bool:
    """Whether standard input is a pipe or a file."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # none, closed, or not a real file
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def _read_stdin() -> str:
    raw = sys.stdin.buffer.read(MAX_PROMPT + 1)
    if len(raw) > MAX_PROMPT:
        raise UsageError(f"standard input is over {MAX_PROMPT:,} bytes: no prompt")
    return raw.decode("utf-8", "replace")
