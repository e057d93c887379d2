"""Runs the person's own editor on a text. Knows no widget; the caller gives it the screen."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from ..errors import ChatError, UsageError
from ..reading import read_text


def edit_text(text: str) -> str:
    """Have a text edited with ``$VISUAL`` or ``$EDITOR``; returns it. Raises ``ChatError``."""
    named = (os.environ.get(name, "").strip() for name in ("VISUAL", "EDITOR"))
    editor = next(filter(None, named), "vi")
    try:
        command = shlex.split(editor)
    except ValueError as e:
        raise ChatError(f"{editor}: can't be run: {e}", "set $EDITOR") from e
    # Not in a folder that the next start would sweep: an editor outlives a program that is killed.
    try:
        descriptor, name = tempfile.mkstemp(suffix=".md", prefix="message-")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except OSError as e:
        raise ChatError(f"{e.filename}: can't write for an editor: {e.strerror}") from e
    path, stays = Path(name), False
    try:
        done = subprocess.run([*command, name])
        if done.returncode != 0:
            raise ChatError(f"{command[0]} ended with {done.returncode}", "the draft is as it was")
        return read_text(path, "replace").rstrip("\n")
    except UsageError:
        stays = True  # with all that was written; the refusal names it
        raise
    except OSError as e:
        raise ChatError(f"{command[0]}: can't be run: {e.strerror}", "set $EDITOR") from e
    finally:
        if not stays:
            path.unlink(missing_ok=True)
