"""What is in the Hub's cache: read without a connection, and never changed from here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConvertError
from ..files import read_regular
from ..sources.folder import MAX_JSON
from .client import silent_client
from .names import CONFIG, HubName, first_part, needed

CLEANER = "hf cache rm"
"""The client's own command that removes what is in the Hub's cache."""


@dataclass(frozen=True)
class HubModel:
    """A model in the Hub's cache: its name, its folder or file, and the bytes of its files."""

    name: HubName
    path: Path
    size: int


def hub_models() -> list[HubModel]:
    """List the models in the Hub's cache that have all that a model needs, by their names."""
    with silent_client():
        from huggingface_hub import constants, scan_cache_dir
        from huggingface_hub.errors import CacheNotFound

        found: list[HubModel] = []
        with suppress(CacheNotFound, OSError):
            repos = scan_cache_dir(constants.HF_HUB_CACHE).repos
            for repo in (repo for repo in repos if repo.repo_type == "model"):
                for revision in repo.revisions:
                    at = _called(revision.refs, revision.commit_hash)
                    folder = revision.snapshot_path
                    sizes = {
                        file.file_path.relative_to(folder).as_posix(): file.size_on_disk
                        for file in revision.files
                    }
                    found += _models_of(repo.repo_id, at, folder, sizes)
        return sorted(found, key=lambda model: str(model.name))


def _called(refs: Iterable[str], commit: str) -> str | None:
    """Return by which revision a commit is named; None is that which needs no name."""
    names = set(refs)
    return None if "main" in names else min(names, default=commit)


def _models_of(
    repo: str, revision: str | None, folder: Path, sizes: Mapping[str, int]
) -> Iterator[HubModel]:
    """Give the folder, if it is a model, and every GGUF in it."""
    ggufs = [path for path in sizes if path.lower().endswith(".gguf") and path == first_part(path)]
    for file in ("", *ggufs):
        name = HubName(repo, file, revision)
        with suppress(ConvertError):  # it is some other kind of model, or in part there
            paths = needed(name, sizes)
            _refuse_missing_shards(name, folder, sizes)
            yield HubModel(name, folder / file, sum(sizes[path] for path in paths))


def cached_path(name: HubName, why: str) -> Path:
    """Return where the model lies in the cache. Raises ``ConvertError`` if it isn't whole there."""
    from huggingface_hub import try_to_load_from_cache

    first = first_part(name.file) or CONFIG
    found = try_to_load_from_cache(name.repo, first, revision=name.revision)
    if not isinstance(found, str):
        raise ConvertError(
            f"{name}: {why}, and it isn't in the Hub's cache", "connect, to fetch it"
        )
    folder = Path(found).parents[first.count("/")]
    sizes = {path.relative_to(folder).as_posix(): 0 for path in folder.rglob("*") if path.is_file()}
    try:
        needed(name, sizes)
        _refuse_missing_shards(name, folder, sizes)
    except ConvertError as e:
        raise ConvertError(f"{e.message}: {why}", "connect, to fetch the rest") from e
    return Path(found) if name.file else folder


def _refuse_missing_shards(name: HubName, folder: Path, there: Mapping[str, int]) -> None:
    """Raise ``ConvertError`` if the index names a file that isn't in the folder."""
    index = next((path for path in needed(name, there) if path.endswith(".index.json")), None)
    if index is None:
        return
    try:
        shards = set(
            json.loads(read_regular(folder / index, MAX_JSON, "an index"))["weight_map"].values()
        )
    except (ConvertError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return  # who opens the model says what is wrong with it
    for shard in sorted(map(str, shards)):
        if shard not in there:
            raise ConvertError(f"{name}: {shard} is missing")
