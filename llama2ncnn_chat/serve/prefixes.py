"""Conversations that take turns at one cache: each finds what it shares with what was read before.

Copies of the cache in memory, the least recently used out. Knows ids and the completer's cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..generation.completer import common_prefix
from ..generation.local import LocalCompleter
from ..model.kv_cache import KvCache

WORTH = 32
"""Tokens; to read fewer again costs less than to copy a cache."""


@dataclass(frozen=True, eq=False)
class _Kept:
    ids: list[int]
    cache: KvCache

    @property
    def n_bytes(self) -> int:
        return int(self.cache.keys.nbytes + self.cache.values.nbytes)


class Prefixes:
    """The caches of the conversations before, of ``most_bytes`` together at most."""

    def __init__(self, completer: LocalCompleter, most_bytes: int) -> None:
        self._completer, self._most_bytes = completer, most_bytes
        self._kept: list[_Kept] = []  # the latest used last
        self._token_bytes = 1  # at least; the first copy tells

    @property
    def n_bytes(self) -> int:
        """Bytes that the copies take."""
        return sum(kept.n_bytes for kept in self._kept)

    def make_ready(self, ids: Sequence[int]) -> None:
        """Bring into the cache what shares the longest beginning with these ids.

        What stands in it now is kept, if another conversation would drop it.
        """
        ids, here = list(ids), self._completer.ids
        shared = common_prefix(here, ids)
        best = max(self._kept, key=lambda kept: common_prefix(kept.ids, ids), default=None)
        if best and common_prefix(best.ids, ids) < shared + WORTH:
            best = None
        if best:  # chosen before something is dropped, which might be this
            self._kept.remove(best)
            self._kept.append(best)
        if len(here) - shared >= WORTH:
            self._keep()
        if best:
            self._completer.restore(best.cache, best.ids)

    def _keep(self) -> None:
        ids = list(self._completer.ids)
        most_bytes = self._most_bytes - len(ids) * self._token_bytes
        if most_bytes < 0:
            return
        self._kept = [kept for kept in self._kept if ids[: len(kept.ids)] != kept.ids]
        self._drop(most_bytes)  # before the copy, so that both are never there
        copy = _Kept(ids, self._completer.snapshot())
        self._token_bytes = copy.n_bytes // len(ids)
        self._kept.append(copy)
        self._drop(self._most_bytes)

    def _drop(self, most_bytes: int) -> None:
        while self.n_bytes > most_bytes:
            del self._kept[0]
