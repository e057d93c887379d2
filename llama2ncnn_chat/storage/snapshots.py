"""KV caches of sessions on disk, so that a resumed conversation needn't be read again.

Of what many sessions begin with, the cache stands there once for all of them. Knows arrays and ids,
but no engine and no sessions; anything in the folder may vanish any time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..atomic import replacing
from ..model.kv_cache import KvCache
from ..paths import cache_dir, make_private

ANNOUNCED_BYTES = 128 << 20
"""A snapshot of so many bytes is announced: writing it may take a while."""

_SUFFIX, _OPENING = ".safetensors", "opening-"
_MOST_OPENINGS = 8  # of which the least recently used go
_SPARE = 64 << 20  # room to leave on the disk


class SnapshotStore:
    """One snapshot per session (by its number) or opening (see ``opening_of``), the least
    recently used ones dropped when over the budget.

    ``tell`` gets the size of a big one before it is written.
    """

    def __init__(
        self,
        folder: Path | None = None,
        budget_bytes: int = 4 << 30,
        *,
        tell: Callable[[int], None] | None = None,
    ) -> None:
        self._folder = folder or cache_dir() / "snapshots"
        self._budget, self._tell = budget_bytes, tell

    def save(self, of: int | str, key: str, ids: Sequence[int], cache: KvCache) -> int:
        """Write a cache; returns the bytes written, 0 when there is no room for it.

        ``key`` says which model, CPU and template; ``ids`` are those in the cache. A snapshot only
        saves time, so a disk that won't take it is no error.
        """
        assert len(ids) == cache.n_tokens, "the ids are those in the cache"
        size = cache.keys.nbytes + cache.values.nbytes
        try:
            if size == 0 or not self._has_room(size):
                return 0
            if self._tell and size >= ANNOUNCED_BYTES:
                self._tell(size)
            tensors = {
                "keys": np.ascontiguousarray(cache.keys),
                "values": np.ascontiguousarray(cache.values),
            }
            metadata = {"key": key, "ids": _hash_ids(ids), "n_tokens": str(len(ids))}
            metadata["checksum"] = _checksum(metadata, tensors)
            with replacing(self._path(of)) as beside:
                save_file(tensors, beside, metadata)  # from the arrays' memory, without a copy
                beside.chmod(0o600)
                written = beside.stat().st_size
        except (OSError, SafetensorError):
            return 0
        self._evict(keep=self._path(of))
        return written

    def load(self, of: int | str, key: str, ids: Sequence[int]) -> tuple[KvCache | None, str]:
        """Return the cache of ``ids`` or of their beginning; or None, and why not, in words."""
        path = self._path(of)
        try:
            if not path.is_file():  # nothing, or a pipe, which would be waited for
                raise FileNotFoundError
            with safe_open(path, framework="numpy") as file:
                metadata = dict(file.metadata() or {})
                checksum, n = metadata.pop("checksum"), int(metadata["n_tokens"])
                if metadata["key"] != key:
                    return None, "the model or the CPU differs"
                if n > len(ids) or metadata["ids"] != _hash_ids(ids[:n]):
                    return None, "the conversation differs"
                tensors = {name: file.get_tensor(name) for name in ("keys", "values")}
            if checksum != _checksum(metadata, tensors):
                raise ValueError("checksum")
            os.utime(path)
        except FileNotFoundError:
            return None, "nothing was kept of it"
        except (OSError, SafetensorError, KeyError, ValueError):
            self.delete(of)
            return None, "what was kept is damaged"
        return KvCache(tensors["keys"], tensors["values"]), ""

    def total_bytes(self) -> int:
        """Add up what all snapshots take."""
        return sum(size for _, size, _ in self._files())

    def has(self, of: int | str) -> bool:
        """Tell whether there is a snapshot, and note that it is of use still."""
        try:
            os.utime(self._path(of))
        except OSError:
            return False
        return True

    def delete(self, of: int | str) -> None:
        """Delete a snapshot, if there is one."""
        with suppress(OSError):
            self._path(of).unlink()

    def delete_openings(self) -> None:
        """Delete what sessions share."""
        for path in self._folder.glob(f"{_OPENING}*{_SUFFIX}"):
            with suppress(OSError):
                path.unlink()

    def _path(self, of: int | str) -> Path:
        return self._folder / f"{of}{_SUFFIX}"

    def _has_room(self, size: int) -> bool:
        if size > self._budget:
            return False
        make_private(self._folder)
        return shutil.disk_usage(self._folder).free >= size + _SPARE

    def _evict(self, keep: Path) -> None:
        """Drop what was used longest ago until the rest is within the bounds."""
        snapshots = self._files()
        total = sum(size for _, size, _ in snapshots)
        beyond = sum(path.name.startswith(_OPENING) for path, _, _ in snapshots) - _MOST_OPENINGS
        for path, size, _ in sorted(snapshots, key=lambda file: file[2]):
            is_opening = path.name.startswith(_OPENING)
            if path != keep and (total > self._budget or (is_opening and beyond > 0)):
                beyond -= is_opening
                path.unlink(missing_ok=True)
                total -= size

    def _files(self) -> list[tuple[Path, int, float]]:
        """List path, bytes and time of last use; another program may be at work in the folder."""
        found = []
        for path in self._folder.glob(f"*{_SUFFIX}"):
            with suppress(FileNotFoundError):
                stat = path.stat()
                found.append((path, stat.st_size, stat.st_mtime_ns / 1e9))
        return found


def opening_of(key: str, ids: Sequence[int]) -> str:
    """Name what sessions with this key have in common that begin with these ids."""
    return _OPENING + hashlib.sha256(f"{key}/{_hash_ids(ids)}".encode()).hexdigest()[:32]


def _hash_ids(ids: Sequence[int]) -> str:
    return hashlib.sha256(np.asarray(ids, "<i4").tobytes()).hexdigest()


def _checksum(metadata: dict[str, str], tensors: dict[str, npt.NDArray[np.float32]]) -> str:
    """Hash the data, and all that says what the data is."""
    said = {**metadata, **{name: f"{t.dtype} {t.shape}" for name, t in tensors.items()}}
    total = hashlib.sha256(repr(sorted(said.items())).encode())
    for name in sorted(tensors):
        total.update(tensors[name].reshape(-1).view(np.uint8).data)
    return total.hexdigest()
