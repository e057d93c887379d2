"""Finds out what a stream can show: colour, a moving cursor, or text alone; breaks text for it,
and has the terminal do what no text is.

Knows streams and the environment, but no face and no conversation.
"""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Mapping
from typing import Literal, TextIO

from convert.streams import Drawings, is_terminal

ESC, CTRL_C = "\x1b", "\x03"
PASTE_BEGINS, PASTE_ENDS = "\x1b[200~", "\x1b[201~"
SILENCE = 1.0
"""Seconds without a byte after which nothing more belongs to what a terminal has begun."""

DIM = "\x1b[2m"
TAKES_IT_FOR_TEXT = "linux"
"""The terminal (by ``TERM``) of which old versions write on the screen what isn't for it."""

Colour = Literal["auto", "always", "never"]

_SEQUENCES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[ -/]*[0-~])"
)


def without_sequences(text: str) -> str:
    """Return a text, such as a coloured log, without its escape sequences."""
    return _SEQUENCES.sub("", text)


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


def is_dumb(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether the terminal can only print."""
    return environ.get("TERM", "") in ("dumb", "unknown")


def is_interactive() -> bool:
    """Tell whether standard input and output are a terminal that can move its cursor."""
    return is_terminal(sys.stdin) and is_terminal(sys.stdout) and not is_dumb()


def command(sequence: str) -> None:
    """Have the terminal of standard output do something, if that can be done: it may be gone."""
    if sys.stdout is not None:
        Drawings(sys.stdout).write(sequence)


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
