"""The conversions in the cache: where they lie, what they were made from, and whether it is there.

Knows the layout of the cache; reads descriptions and memos alone, and removes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

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
KEY_DIGITS = 24  # of the checkpoint's SHA-256, in the name of its folder in the cache


@dataclass(frozen=True)
class Origin:
    """What a conversion was made from: what names it from anywhere, and its files."""

    model: str
    files: tuple[Path, ...]

    @property
    def is_there(self) -> bool:
        """Tell whether all of the files still are."""
        return all(path.exists() for path in self.files)

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
    text = json.dumps({"model": origin.model, "files": files})
    (folder / ORIGIN).write_text(text, encoding="utf-8")


def cached_models() -> list[CachedModel]:
    """List the conversions in the cache, in the order of their keys."""
    root = cache_dir()
    hashed = _hashed_files(root)
    stems = sorted(desc.with_suffix("") for desc in root.glob(f"{MODELS}/*/{STEM}.desc"))
    return [CachedModel(stem, _origin_of(stem.parent, hashed)) for stem in stems]


def _origin_of(folder: Path, hashed: dict[str, list[Path]]) -> Origin | None:
    """Find what it was made from, or a file of the same content: one that is there, if any is."""
    digest = folder.name.partition("-")[0]
    known = [
        *_read_origin(folder),
        *(Origin(str(path), (path,)) for path in hashed.get(digest, ())),
    ]
    return next((origin for origin in known if origin.is_there), known[0] if known else None)


def _read_origin(folder: Path) -> Iterator[Origin]:
    with suppress(OSError, ValueError, LookupError, TypeError):
        known = json.loads((folder / ORIGIN).read_text(encoding="utf-8"))
        yield Origin(str(known["model"]), tuple(map(Path, known["files"])))


def _hashed_files(root: Path) -> dict[str, list[Path]]:
    """Find the files that were hashed, by the digits of their keys."""
    files: dict[str, list[Path]] = {}
    for memo in root.glob(f"{HASHES}/*.json"):
        with suppress(OSError, ValueError, LookupError, TypeError):  # as when it is looked up
            known = json.loads(memo.read_text())
            path = Path(known["stamp"][0])
            files.setdefault(str(known["sha256"])[:KEY_DIGITS], []).append(path)
    return files
