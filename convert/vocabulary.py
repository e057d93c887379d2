"""The tokenizer that belongs to a source, and its way into the files of a converted model.

Knows names of files alone, nothing of what is in them.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import BinaryIO

from .desc import TOKENIZER_SUFFIX
from .files import is_file, open_regular


def tokenizer_beside(source: Path) -> Path | None:
    """Find the tokenizer of a checkpoint: ``X.tokenizer.bin``, else ``tokenizer.bin``.

    That of a folder is in it.
    """
    if source.is_dir():
        inside = source / "tokenizer.bin"
        return inside if is_file(inside) else None
    stem = source.name.removesuffix(".bin")
    names = (stem + TOKENIZER_SUFFIX, source.name + TOKENIZER_SUFFIX, "tokenizer.bin")
    candidates = (source.with_name(name) for name in names)
    return next((p for p in candidates if is_file(p) and p != source), None)


def copy_tokenizer(tokenizer: Path, target: BinaryIO) -> None:
    """Copy a tokenizer's file. Raises ``ConvertError`` for what is no regular file."""
    with open_regular(tokenizer) as f:
        shutil.copyfileobj(f, target)
