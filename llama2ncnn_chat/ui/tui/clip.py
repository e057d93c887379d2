"""Copies a text by whatever way there is: a clipboard tool, the terminal, at last a file.

Knows an app only as something that has a terminal.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from textual.app import App

from ...paths import make_private, state_dir
from ..clipboard import IF_NOTHING_ARRIVED, copy_with_tool, osc52


def copy(text: str, what: str, app: App[None]) -> str:
    """Copy a text that ``what`` names; returns what to say about it."""
    if tool := copy_with_tool(text):
        return f"copied {what} with {tool}"
    sequence = osc52(text)
    if sequence and app._driver:  # where Textual itself writes its own form of it
        app._driver.write(sequence)
        return f"gave {what} to the terminal; {IF_NOTHING_ARRIVED}"
    try:
        return f"{what} is too long for the terminal's clipboard: it is in {_to_file(text)}"
    except OSError as e:
        return f"can't copy {what}: {e.strerror}"


def _to_file(text: str) -> Path:
    folder = make_private(state_dir() / "copies")
    with tempfile.NamedTemporaryFile(
        "w", dir=folder, suffix=".md", delete=False, encoding="utf-8", errors="replace"
    ) as file:
        file.write(text)
    return Path(file.name)
