"""Keeps what an engine has told of the pieces of a vocabulary, for the next start.

A file for each vocabulary, among what may be deleted at any time. Whatever is wrong with one, the
engine is asked again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..atomic import replacing
from ..errors import UsageError
from ..paths import cache_dir, make_private
from ..reading import read_bytes

MAX_FILE_BYTES = 64 << 20


def kept_pieces(key: str, n: int, ask: Callable[[], list[bytes]]) -> list[bytes]:
    """Return the ``n`` pieces of the vocabulary of that key: those that are kept, or ``ask()``."""
    path = cache_dir() / "vocabularies" / f"{key}.json"
    pieces = _read(path)
    if len(pieces) != n:
        pieces = ask()
        with suppress(OSError):  # a full disk is no reason not to chat
            make_private(path.parent)
            with replacing(path) as new:
                new.write_text(json.dumps([piece.decode("latin-1") for piece in pieces]))
    return pieces


def _read(path: Path) -> list[bytes]:
    try:
        told = json.loads(read_bytes(path, MAX_FILE_BYTES, "a vocabulary"))
        return [piece.encode("latin-1") for piece in told]
    except (UsageError, ValueError, TypeError, AttributeError, RecursionError):
        return []
