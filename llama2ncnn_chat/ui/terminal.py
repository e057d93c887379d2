"""Finds out what a stream can show: colour, a moving cursor, or text alone; makes text fit for it.

Knows streams and the environment, but no face and no conversation.
"""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Mapping
from typing import Literal, TextIO

ESC, CTRL_C = "\x1b", "\x03"
PASTE_BEGINS, PASTE_ENDS = "\x1b[200~", "\x1b[201~"
SILENCE = 1.0
"""Seconds without a byte after which nothing more belongs to what a terminal has begun."""

DIM, RESET = "\x1b[2m", "\x1b[0m"

Colour = Literal["auto", "always", "never"]

# C0 except tab and newline, DEL, C1, and lone surrogates, which no stream can encode.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


_SEQUENCES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[ -/]*[0-~])"
)


def without_sequences(text: str) -> str:
    """Return a text, such as a coloured log, without its escape sequences."""
    return _SEQUENCES.sub("", text)


def printable(text: str) -> str:
    """Return text of a model, a file or a session without what would command the terminal."""
    return _CONTROLS.sub("", text)


def wrap_hanging(text: str, width: int) -> str:
    """Break lines that are too long; what goes on stands below the line's last column."""
    lines = []
    for line in text.split("\n"):
        if len(line) > width:
            columns = [gap.end() for gap in re.finditer(" {2,}", line) if gap.end() < width // 2]
            indent = " " * (columns[-1] if columns else 0)
            line = textwrap.fill(
                line, width, subsequent_indent=indent, break_on_hyphens=False, expand_tabs=False
            )
        lines.append(line)
    return "\n".join(lines)


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a stream ends in a terminal."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def is_dumb(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether the terminal can only print."""
    return environ.get("TERM", "") in ("dumb", "unknown")


def is_interactive() -> bool:
    """Tell whether standard input and output are a terminal that can move its cursor."""
    return is_terminal(sys.stdin) and is_terminal(sys.stdout) and not is_dumb()


def wants_colour(
    flag: Colour = "auto",
    environ: Mapping[str, str] = os.environ,
    stream: TextIO | None = None,
) -> bool:
    """Tell whether to colour a stream (standard output, if none is given).

    The first that says anything decides: the flag, NO_COLOR, CLICOLOR_FORCE, TERM=dumb, the stream.
    """
    if flag != "auto":
        return flag == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return not is_dumb(environ) and is_terminal(stream or sys.stdout)
