"""The text in bytes from a file or a pipe: without what only says how they are to be read."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE


def text_of(data: bytes, errors: str = "strict") -> str:
    """Decode UTF-8, or UTF-16 behind its mark; no mark is left and lines end in newlines alone.

    ``errors`` is what to do with other bytes. Raises ``UnicodeDecodeError`` where that is "strict".
    """
    marked = data.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    text = data.decode("utf-16" if marked else "utf-8-sig", errors)
    return text.replace("\r\n", "\n").replace("\r", "\n")
