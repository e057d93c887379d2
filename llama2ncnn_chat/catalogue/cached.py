"""The conversions in the cache: where they lie, what they were made from, and whether it is there.

Knows the layout of the cache; reads descriptions and memos alone, and removes nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from convert.errors import ConvertError
from convert.files import read_regular
from convert.formats.codec import Codec
from convert.formats.mixture import format_matrices
from convert.hub.names import is_hub_name

from ..paths import cache_dir

MODELS = "models"
"""The folder of the cache with a folder for every conversion, named by its key."""
HASHES = "hashes"
"""The folder of the cache with a memo for every file that was hashed."""
STEM = "model"
ORIGIN = "origin.json"
MAX_KEPT = 1 << 20
"""Bytes of a memo, or of what a conversion was made from: a path for each of its files."""
KEY_DIGITS = 24  # of the checkpoint's SHA-256, in the name of its folder in the cache


@dataclass(frozen=True)
class Origin:
    """What a conversion was made from: what names it from anywhere, and its files.

    ``tokenizer`` is the file that went along, empty for one in the source itself; ``stated`` what
    a person stated of the model, as in keys.
    """

    model: str
    files: tuple[Path, ...]
    tokenizer: str = ""
    stated: str = ""

    @property
    def is_there(self) -> bool:
        """Tell whether all of the files still are."""
        return all(map(os.path.exists, self.files))  # false for what can't be a name

    @property
    def name(self) -> str:
        """Return what a person calls it."""
        return self.model if is_hub_name(self.model) else Path(self.model).name


@dataclass(frozen=True)
class CachedModel:
    """A conversion in the cache, and what it was made from, where that is known."""

    stem: Path
    origin: Origin | None

    @property
    def key(self) -> str:
        """Return the name of its folder, which no other conversion has."""
        return self.stem.parent.name

    @property
    def name(self) -> str:
        """Return what a person calls it; the key where nobody knows."""
        return self.origin.name if self.origin else self.key

    @property
    def size(self) -> int:
        """Count the bytes of its files."""
        return size_of(self.stem.parent)


def size_of(folder: Path) -> int:
    """Count the bytes of the files in a folder, as far as they can be seen."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.lstat().st_size if path.is_file() else 0
    return total


def format_in_key(codec: Codec) -> str:
    """Name a format in the key of a conversion, its mixture as a digest."""
    if not codec.fused:
        return f"{codec.name}-{codec.block}"
    # Not the block: "q8-32" was once said of ncnn's own.
    mixture = format_matrices(codec.eight_bits)
    return f"{codec.name}-{hashlib.sha256(mixture.encode()).hexdigest()[:8]}"


def write_origin(folder: Path, origin: Origin) -> None:
    """Remember what the conversion in ``folder`` is made from. Raises ``OSError``."""
    files = [str(path.resolve()) for path in origin.files]
    text = json.dumps(asdict(origin) | {"files": files})
    (folder / ORIGIN).write_text(text, encoding="utf-8")


def cached_models() -> list[CachedModel]:
    """List the conversions in the cache, in the order of their keys.

    Each with what it was made from or a file of the same content: one that is there, if any is.
    """
    return [
        CachedModel(stem, next((each for each in origins if each.is_there), first))
        for stem, origins in _stems_and_origins()
        for first in [origins[0] if origins else None]
    ]


def conversions_of(path: Path) -> list[CachedModel]:
    """List the conversions of what stands, or once stood, at a path; the newest first."""
    found = [
        CachedModel(stem, origin)
        for stem, origins in _stems_and_origins()
        for origin in [each for each in origins if path in (Path(each.model), *each.files)][:1]
    ]
    return sorted(found, key=lambda each: each.stem.parent.stat().st_mtime, reverse=True)


def _stems_and_origins() -> Iterator[tuple[Path, list[Origin]]]:
    """List the conversions with all that is known to have had their content."""
    root = cache_dir()
    hashed = _hashed_files(root)
    for desc in sorted(root.glob(f"{MODELS}/*/{STEM}.desc")):
        own = read_origin(desc.parent)
        copies = hashed.get(desc.parent.name.partition("-")[0], ())
        like = own or Origin("", ())
        others = [replace(like, model=str(path), files=(path,)) for path in copies]
        yield desc.with_suffix(""), [*([own] if own else []), *others]


def read_origin(folder: Path) -> Origin | None:
    """Read what the conversion in ``folder`` is made from; None if that isn't known any more."""
    known = read_kept(folder / ORIGIN) or {}
    with suppress(LookupError, TypeError):
        files = tuple(map(Path, known["files"]))
        more = (str(known.get(key, "")) for key in ("tokenizer", "stated"))
        return Origin(str(known["model"]), files, *more)
    return None


def read_kept(path: Path) -> dict[str, Any] | None:
    """Read a small JSON object of the cache; None for none, and for one that is damaged."""
    with suppress(ConvertError, ValueError, RecursionError):
        value = json.loads(read_regular(path, MAX_KEPT, "it"))
        return value if isinstance(value, dict) else None
    return None


def hash_in(memo: dict[str, Any]) -> str:
    """Return the SHA-256 that a memo has, in hex; empty where it has none."""
    value = memo.get("sha256")
    return value if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) else ""


def _hashed_files(root: Path) -> dict[str, list[Path]]:
    """Find the files that were hashed, by the digits of their keys."""
    files: dict[str, list[Path]] = {}
    for memo in root.glob(f"{HASHES}/*.json"):
        known = read_kept(memo) or {}
        with suppress(LookupError, TypeError):  # a damaged memo is one that isn't there
            if digest := hash_in(known):
                files.setdefault(digest[:KEY_DIGITS], []).append(Path(known["stamp"][0]))
    return files
