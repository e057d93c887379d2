"""Conversions taken out of the cache: those that are named, and those that lack source or files.

Touches the cache's own folders alone, and never by way of a symbolic link. What another process
has open stays readable to it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from convert.hub.cache import CLEANER
from convert.hub.names import is_hub_name
from convert.temporary import is_temporary, temporary_folder

from ..errors import ChatError, UsageError
from ..paths import cache_dir
from .cached import MODELS, STEM, CachedModel, cached_models, size_of


@dataclass(frozen=True)
class Removable:
    """A folder of the cache that may go: what it is to a person, why it may, and its bytes."""

    folder: Path
    name: str
    why: str
    size: int


def find_conversions(name: str) -> Removable:
    """Find the conversion in the cache of that name, path or key.

    Raises ``UsageError`` for none, and for several.
    """
    _refuse_foreign_cache()
    found = conversions_named(name)
    if not found:
        raise UsageError(f"{name}: no converted model of that name in the cache", _see(name))
    if len(found) > 1:
        keys = " or ".join(model.key for model in found)
        raise UsageError(f"{name}: converted {len(found)} times", f"name one by its key: {keys}")
    return _removable(found[0], "asked for")


def conversions_named(name: str) -> list[CachedModel]:
    """List the conversions in the cache of that name, path or key."""
    return [model for model in cached_models() if name in _names(model)]


def find_stale() -> list[Removable]:
    """Find conversions whose source is gone, and folders that hold no whole model.

    Raises ``ChatError`` for a cache that is somewhere else.
    """
    _refuse_foreign_cache()
    models = cached_models()
    gone = [model for model in models if model.origin and not model.origin.is_there]
    stale = [_removable(model, "its source is gone") for model in gone]
    return stale + [
        Removable(folder, folder.name, "it isn't a whole model", size_of(folder))
        for folder in sorted((cache_dir() / MODELS).glob("*"))
        if not folder.is_symlink() and folder.is_dir() and _is_broken(folder)
    ]


def remove(removable: Removable) -> None:
    """Remove the folder. Raises ``ChatError`` if it can't be, or isn't one of the cache."""
    folder = removable.folder
    _refuse_foreign_cache()
    if folder.parent != cache_dir() / MODELS or folder.is_symlink():
        raise ChatError(f"{folder}: isn't a folder of the cache")
    try:
        # Away first, so that nobody finds half of a model there.
        with temporary_folder(folder.parent) as aside:
            folder.rename(aside / "removed")
            shutil.rmtree(aside / "removed")
    except OSError as e:
        raise ChatError(f"{e.filename or folder}: can't remove: {e.strerror}") from e


def _removable(model: CachedModel, why: str) -> Removable:
    return Removable(model.stem.parent, f"{model.name} ({model.key})", why, model.size)


def _names(model: CachedModel) -> set[str]:
    names = {model.key, model.name, str(model.stem), str(model.stem.parent)}
    return names | ({model.origin.model} if model.origin else set())


def _see(name: str) -> str:
    if is_hub_name(name):
        return f"what was fetched, `{CLEANER}` removes; llama2ncnn-chat models lists them all"
    return "llama2ncnn-chat models lists them all"


def _is_broken(folder: Path) -> bool:
    """Tell whether a folder holds no whole model, and isn't one that somebody works in."""
    return not (folder / f"{STEM}.desc").exists() and not is_temporary(folder.name)


def _refuse_foreign_cache() -> None:
    """Raise ``ChatError`` where the folder of conversions is a link to somewhere else."""
    models = cache_dir() / MODELS
    if models.resolve() != cache_dir().resolve() / MODELS:
        raise ChatError(f"{models}: is a link to {models.resolve()}", "remove them there by hand")
