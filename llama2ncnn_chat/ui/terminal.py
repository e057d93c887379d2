"""What a stream can show: colour, cursor movement, or text alone; and text made fit for it.

Knows streams and the environment, but no face and no conversation.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import Literal, TextIO

Colour = Literal["auto", "always", "never"]

# C0 except tab and newline, DEL, C1, and lone surrogates, which no stream can encode.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def printable(text: str) -> str:
    """Text of a model, a file or a session without what would command the terminal."""
    return _CONTROLS.sub("", text)


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
