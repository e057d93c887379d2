"""Copies of caches: which are kept, and that their memory is bounded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from llama2ncnn_chat.events import Finished
from llama2ncnn_chat.generation.completer import Draws, Limits
from llama2ncnn_chat.generation.local import LocalCompleter
from llama2ncnn_chat.generation.settings import GREEDY
from llama2ncnn_chat.launch.options import options_of
from llama2ncnn_chat.model.kv_cache import KvCache
from llama2ncnn_chat.serve.prefixes import Prefixes
from tests.serve.serving import flags, opened

TEXTS = tuple(
    f"{name} went to the big park with a red ball, and there was a dog. " * 3
    for name in ("Tim", "Lily", "Ben")
)


@pytest.fixture(scope="module")
def completer() -> Iterator[LocalCompleter]:
    completer = opened(options_of(flags())).completer
    assert isinstance(completer, LocalCompleter)
    yield completer
    completer.close()


@pytest.fixture
def paths(completer: LocalCompleter) -> list[list[int]]:
    return [completer._vocabulary.encode(text) for text in TEXTS]


def cached(completer: LocalCompleter, prefixes: Prefixes, ids: Sequence[int]) -> int:
    """Answer, and say how much of the prompt was there."""
    prefixes.make_ready(ids)
    *_, end = completer.complete(ids, GREEDY, Draws(0), Limits(2))
    assert isinstance(end, Finished)
    return end.timings.cache_n


def size(cache: KvCache) -> int:
    return int(cache.keys.nbytes + cache.values.nbytes)


def test_room_for_all_keeps_all(completer: LocalCompleter, paths: list[list[int]]) -> None:
    prefixes = Prefixes(completer, 1 << 30)
    for ids in paths:
        cached(completer, prefixes, ids)
    assert all(cached(completer, prefixes, ids) >= len(ids) - 1 for ids in paths)


def test_the_least_recently_used_goes_first(
    completer: LocalCompleter, paths: list[list[int]]
) -> None:
    one, two, three = paths
    cached(completer, Prefixes(completer, 0), one)
    each = size(completer.snapshot())
    prefixes = Prefixes(completer, int(1.5 * each))  # room for one besides the one in use
    for ids in (one, two, three):
        cached(completer, prefixes, ids)
        assert prefixes.n_bytes <= 1.5 * each
    assert cached(completer, prefixes, two) >= len(two) - 1
    assert cached(completer, prefixes, three) >= len(three) - 1
    assert cached(completer, prefixes, one) < len(one) - 1


def test_what_finds_no_room_is_never_copied(
    completer: LocalCompleter, paths: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    copies: list[KvCache] = []
    snapshot = completer.snapshot

    def counted() -> KvCache:
        copies.append(snapshot())
        return copies[-1]

    monkeypatch.setattr(completer, "snapshot", counted)
    for most_bytes, n in ((0, 0), (1000, 1)):  # the first copy tells how large they are
        prefixes = Prefixes(completer, most_bytes)
        for ids in (*paths, *paths):
            cached(completer, prefixes, ids)
            assert prefixes.n_bytes <= most_bytes
        assert len(copies) == n
