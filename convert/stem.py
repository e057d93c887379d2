"""The names of a converted model's files: a stem, and what stands behind it.

Opens nothing, and knows nothing of what is in them.
"""

from __future__ import annotations

import os
from pathlib import Path

SUFFIXES = (".param", ".bin", ".desc")
TOKENIZER_SUFFIX = ".tokenizer.bin"
CHAT_SUFFIX = ".chat.json"
ALL_SUFFIXES = (TOKENIZER_SUFFIX, CHAT_SUFFIX, *SUFFIXES)
"""Of all that travels with a model; one that ends as another does stands before it."""


def stem_of(path: str | os.PathLike[str]) -> Path:
    """Find the stem that a person means by a stem or by one of its files."""
    text = os.fspath(path)
    for suffix in ALL_SUFFIXES:
        if text.endswith(suffix) and len(Path(text).name) > len(suffix):
            return Path(text[: -len(suffix)])
    return Path(text)


def file_of(stem: Path, suffix: str) -> Path:
    """Name a file of a model: ``7b.ncnn`` and ``.bin`` give ``7b.ncnn.bin``."""
    return stem.with_name(stem.name + suffix)
