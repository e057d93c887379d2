"""Copies text to the clipboard with the system's tool, or makes what has the terminal do it.

Knows no face: what the terminal has to be told is a string, which a face writes.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping

IF_NOTHING_ARRIVED = "not there? /export"
"""Not all terminals know how (OSC 52), and none says so."""

MAX_OSC52 = 74_000
"""Bytes that terminals are known to take."""


def copy_with_tool(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """Copy with a tool of the system; returns the name of the one that took the text, or none."""
    command = _tool(environ)
    if command is None:
        return ""
    try:
        done = subprocess.run(
            command,
            input=text.encode("utf-8", "replace"),
            timeout=5,
            stdout=subprocess.DEVNULL,  # xclip stays behind and would keep a pipe open
            stderr=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if done.returncode else command[0]


def osc52(text: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return what makes a terminal copy the text (OSC 52), also over ssh; None if too long."""
    data = base64.b64encode(text.encode("utf-8", "replace")).decode()
    if len(data) > MAX_OSC52:
        return None
    sequence = f"\x1b]52;c;{data}\x07"
    if environ.get("TMUX"):
        return f"\x1bPtmux;\x1b{sequence}\x1b\\{sequence}"
    return sequence


def _tool(environ: Mapping[str, str]) -> list[str] | None:
    candidates: list[list[str]] = []
    if sys.platform == "darwin":
        candidates = [["pbcopy"]]
    elif sys.platform == "win32":
        candidates = [["clip"]]
    elif environ.get("WAYLAND_DISPLAY"):
        candidates = [["wl-copy"]]
    elif environ.get("DISPLAY"):
        candidates = [["xclip", "-selection", "clipboard"], ["xsel", "-ib"]]
    return next((c for c in candidates if shutil.which(c[0])), None)
