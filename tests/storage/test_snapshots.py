"""A snapshot gives back the very bits, or says why it doesn't; and the folder keeps its budget."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import SafetensorError

from llama2ncnn_chat.model.kv_cache import KvCache
from llama2ncnn_chat.storage import snapshots
from llama2ncnn_chat.storage.snapshots import SnapshotStore, opening_of


def make_cache(n_tokens: int, seed: int = 0) -> KvCache:
    rng = np.random.default_rng(seed)
    shape = (2, 3, n_tokens, 4)
    keys, values = rng.standard_normal((2, *shape), np.float32)
    keys[0, 0, 0, :3] = [np.nan, -0.0, np.float32(1e-42)]  # every bit pattern counts
    return KvCache(keys, values)


def same(a: KvCache | None, b: KvCache) -> bool:
    return a is not None and (a.keys.shape, a.keys.tobytes(), a.values.tobytes()) == (
        b.keys.shape, b.keys.tobytes(), b.values.tobytes(),
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "snapshots"


@pytest.fixture
def store(folder: Path) -> SnapshotStore:
    return SnapshotStore(folder)


def test_a_cache_comes_back_bit_for_bit(store: SnapshotStore, folder: Path) -> None:
    cache = make_cache(5)
    written = store.save(1, "key", [1, 2, 3, 4, 5], cache)
    assert written == store.total_bytes() == (folder / "1.safetensors").stat().st_size
    assert written > cache.keys.nbytes * 2
    assert stat.S_IMODE((folder / "1.safetensors").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    loaded, why = store.load(1, "key", [1, 2, 3, 4, 5])
    assert same(loaded, cache)
    assert why == ""


def test_a_view_of_a_bigger_buffer_is_saved_as_it_looks(store: SnapshotStore) -> None:
    big = make_cache(9)
    cache = KvCache(big.keys[:, :, :4], big.values[:, :, :4])
    store.save(1, "key", range(4), cache)
    assert same(store.load(1, "key", range(4))[0], cache)


def test_the_beginning_of_a_conversation_is_of_use(store: SnapshotStore) -> None:
    cache = make_cache(3)
    store.save(1, "key", [1, 2, 3], cache)
    loaded, _ = store.load(1, "key", [1, 2, 3, 4])
    assert loaded
    assert loaded.n_tokens == 3


@pytest.mark.parametrize(
    ("session_id", "key", "ids", "why"),
    [
        (2, "key", [1, 2, 3], "nothing was kept of it"),
        (1, "another", [1, 2, 3], "the model or the CPU differs"),
        (1, "key", [1, 2], "the conversation differs"),
        (1, "key", [1, 2, 4, 5], "the conversation differs"),
        (1, "key", [], "the conversation differs"),
    ],
)
def test_what_does_not_fit_exactly_is_refused(
    store: SnapshotStore, session_id: int, key: str, ids: list[int], why: str
) -> None:
    store.save(1, "key", [1, 2, 3], make_cache(3))
    assert store.load(session_id, key, ids) == (None, why)
    assert store.load(1, "key", [1, 2, 3])[0] is not None  # and it is still there


def test_any_changed_byte_is_noticed(store: SnapshotStore, folder: Path) -> None:
    """Only blanks of the header may change unnoticed: the cache is then the right one still."""
    cache = make_cache(2)
    store.save(1, "key", [1, 2], cache)
    file = folder / "1.safetensors"
    whole = file.read_bytes()
    whys = []
    for place in range(len(whole)):
        for flip in (0x01, 0x20):
            file.write_bytes(
                whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :],
            )
            loaded, why = store.load(1, "key", [1, 2])
            assert why or same(loaded, cache)
            whys.append(why)
            assert file.exists() == (why != "what was kept is damaged")
    data = whys[-2 * 2 * cache.keys.nbytes :]
    assert set(data) == {"what was kept is damaged"}


def test_a_file_cut_short_is_damaged_and_removed(store: SnapshotStore, folder: Path) -> None:
    for size in (0, 7, 100, 500):
        store.save(1, "key", [1, 2], make_cache(2))
        with (folder / "1.safetensors").open("r+b") as file:
            file.truncate(size)
        assert store.load(1, "key", [1, 2]) == (None, "what was kept is damaged")
        assert store.load(1, "key", [1, 2]) == (None, "nothing was kept of it")


def use(folder: Path, of: int | str, seconds_ago: float) -> None:
    when = time.time() - seconds_ago
    os.utime(folder / f"{of}.safetensors", (when, when))


def test_the_least_recently_used_goes_first(folder: Path) -> None:
    size = SnapshotStore(folder).save(0, "key", [1], make_cache(1))
    store = SnapshotStore(folder, budget_bytes=3 * size)
    for session_id in (1, 2):
        store.save(session_id, "key", [1], make_cache(1))
    for session_id, ago in ((0, 30), (1, 20), (2, 10)):
        use(folder, session_id, ago)
    store.load(0, "key", [1])  # now 1 is the oldest
    store.save(3, "key", [1], make_cache(1))
    assert store.total_bytes() == 3 * size
    assert [store.load(i, "key", [1])[1] for i in range(4)] == [
        "",
        "nothing was kept of it",
        "",
        "",
    ]


def test_saving_again_replaces(store: SnapshotStore) -> None:
    for n in (1, 4, 2):
        store.save(1, "key", range(n), make_cache(n, seed=n))
    assert same(store.load(1, "key", range(2))[0], make_cache(2, seed=2))
    store.delete(1)
    store.delete(1)
    assert store.total_bytes() == 0


def test_what_is_too_big_is_not_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = make_cache(4)
    small = SnapshotStore(folder, budget_bytes=2 * cache.keys.nbytes - 1)
    assert small.save(1, "key", range(4), cache) == 0
    assert SnapshotStore(folder).save(1, "key", [], make_cache(1).__class__(
        cache.keys[:, :, :0], cache.values[:, :, :0]
    )) == 0  # fmt: skip
    disk = type("Usage", (), {"free": 1 << 20})
    monkeypatch.setattr("shutil.disk_usage", lambda _: disk)
    assert SnapshotStore(folder).save(1, "key", range(4), cache) == 0
    assert small.total_bytes() == 0


def test_a_big_one_is_told_of_before_it_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []

    def tell(size: int) -> None:
        assert not list(folder.glob("*"))
        told.append(size)

    cache = make_cache(4)
    size = 2 * cache.keys.nbytes
    for limit, budget in ((size + 1, size), (size, size - 1), (size, size)):
        monkeypatch.setattr(snapshots, "ANNOUNCED_BYTES", limit)
        store = SnapshotStore(folder, budget, tell=tell)
        store.save(1, "key", range(4), cache)
        store.delete(1)
    assert told == [size]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("io")])
def test_a_failed_write_keeps_the_snapshot_before(
    store: SnapshotStore, folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    store.save(1, "key", [1], make_cache(1))

    def fail(_: Any, path: Path, *rest: Any) -> None:
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(snapshots, "save_file", fail)
    assert store.save(1, "key", [1, 2], make_cache(2)) == 0
    assert same(store.load(1, "key", [1])[0], make_cache(1))
    assert [p.name for p in folder.iterdir()] == ["1.safetensors"]


def test_a_folder_that_cannot_be_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = SnapshotStore(tmp_path / "file" / "snapshots")
    assert store.save(1, "key", [1], make_cache(1)) == 0
    assert store.load(1, "key", [1])[0] is None
    assert store.total_bytes() == 0


def test_the_default_place_is_the_cache_folder(private_home: Callable[[], None]) -> None:
    SnapshotStore().save(7, "key", [1], make_cache(1))
    place = Path(os.environ["XDG_CACHE_HOME"], "llama2ncnn", "snapshots", "7.safetensors")
    assert place.exists()


def test_few_openings_are_kept_and_all_go_at_once(store: SnapshotStore, folder: Path) -> None:
    names = [opening_of("key", [1, n]) for n in range(10)]
    assert len({*names, opening_of("another", [1, 0])}) == 11
    store.save(1, "key", [1], make_cache(1))
    for ago, name in enumerate(names[:8]):
        store.save(name, "key", [1], make_cache(1))
        use(folder, name, 30 - ago)
    assert store.has(names[0])  # which makes 1 the oldest
    store.save(names[8], "key", [1], make_cache(1))
    store.save(names[9], "key", [1], make_cache(1))
    assert [store.has(name) for name in names] == [True, False, False, *[True] * 7]
    store.delete_openings()
    assert [path.name for path in folder.iterdir()] == ["1.safetensors"]
