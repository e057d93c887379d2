"""Files that are no model by themselves, but part of a folder that is one: known by content.

Opens a file for its first bytes; knows nothing of what such folders hold.
"""

from __future__ import annotations

import struct
from pathlib import Path

from .source import InputFile

_ZIP = b"PK\x03\x04"
_LENGTH = struct.Struct("<Q")


def part_of_folder(path: Path) -> str:
    """Say what a file is a part of a folder as; nothing, if it may be a model by itself.

    Raises ``ConvertError`` for what can't be read.
    """
    file = InputFile(path)
    try:
        head = file.read(0, min(9, file.size), "the first bytes").tobytes()
        if head.startswith(_ZIP):
            return "PyTorch's weights"
        if head.lstrip()[:1] == b"{":
            return "JSON"
        fits = len(head) == 9 and _LENGTH.unpack(head[:8])[0] <= file.size - 8
        return "weights in safetensors" if fits and head.endswith(b"{") else ""
    finally:
        file.close()
