"""What a stream can show: colour, cursor movement, or text alone; and text made fit for it.

Knows streams and the environment, but no face and no conversation.
"""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Mapping
from typing import Literal, TextIO

Colour = Literal["auto", "always", "never"]

# C0 except tab and newline, DEL, C1, and lone surrogates, which no stream can encode.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def printable(text: str) -> str:
    """Text of a model, a file or a session without what would command the terminal."""
    return _CONTROLS.sub("", text)


def hung(text: str, width: int) -> str:
    """Lines that are too long, broken; what goes on stands below the line's last column."""
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
    """Whether a person sits at the other end."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def is_dumb(environ: Mapping[str, str] = os.environ) -> bool:
    """A terminal that can only print."""
    return environ.get("TERM", "") in ("dumb", "unknown")


def is_interactive() -> bool:
    """Standard input and output are a terminal that can move its cursor."""
    return is_terminal(sys.stdin) and is_terminal(sys.stdout) and not is_dumb()


def wants_colour(
    flag: Colour = "auto",
    environ: Mapping[str, str] = os.environ,
    stream: TextIO | None = None,
) -> bool:
    """The flag, then NO_COLOR, then CLICOLOR_FORCE, then TERM=dumb, then the stream."""
    if flag != "auto":
        return flag == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return not is_dumb(environ) and is_terminal(stream or sys.stdout)
