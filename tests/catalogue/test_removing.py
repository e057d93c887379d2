"""What goes out of the cache, and what never does."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from convert.stem import file_of
from llama2ncnn_chat.catalogue.cached import LOCK, size_of
from llama2ncnn_chat.catalogue.find import Conversion, find_model
from llama2ncnn_chat.catalogue.removing import Removable, find_conversions, find_stale, remove
from llama2ncnn_chat.errors import ChatError, UsageError
from llama2ncnn_chat.launch.open_model import find
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from llama2ncnn_chat.paths import cache_dir
from tests.tiny_model import random_weights, tiny_config, write_v0

ROOT = Path(__file__).resolve().parents[2]
CONFIG = tiny_config()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    (tmp_path / "tokenizer.bin").write_bytes(b"never opened here")
    return write_v0(tmp_path / "m.bin", CONFIG, random_weights(CONFIG, 3))


@pytest.fixture
def stem(checkpoint: Path) -> Path:
    return find_model(str(checkpoint)).stem


def stale() -> list[tuple[str, str]]:
    return [(each.folder.name, each.why) for each in find_stale()]


def test_a_conversion_is_removed_by_name_path_or_key(checkpoint: Path) -> None:
    for name in ("m.bin", str(checkpoint), None):
        stem = find_model(str(checkpoint)).stem
        found = find_conversions(name or stem.parent.name)
        assert found.folder == stem.parent
        assert found.size == sum(p.stat().st_size for p in stem.parent.iterdir())
        remove(found)
        assert list((cache_dir() / "models").iterdir()) == []
    assert checkpoint.exists()
    with pytest.raises(UsageError, match="no converted model of that name"):
        find_conversions("m.bin")
    with pytest.raises(UsageError, match="hf cache rm"):
        find_conversions("hf:owner/tiny")


def test_one_of_several_is_named_by_its_key(checkpoint: Path) -> None:
    stems = [find_model(str(checkpoint), Conversion(w)).stem for w in ("b8", "fp32")]
    with pytest.raises(UsageError, match="converted 2 times") as caught:
        find_conversions("m.bin")
    for stem in stems:
        assert stem.parent.name in str(caught.value.hint)
    remove(find_conversions(stems[0].parent.name))
    assert find_conversions("m.bin").folder == stems[1].parent


def test_an_open_model_goes_on_after_it_was_removed(stem: Path) -> None:
    engine = NcnnEngine(stem)
    before = engine.forward([1, 5, 9]).copy()
    remove(find_conversions("m.bin"))
    engine.rewind(0)
    assert (engine.forward([1, 5, 9]) == before).all()
    engine.close()


def test_what_has_lost_its_source_is_stale(checkpoint: Path, stem: Path) -> None:
    assert stale() == []
    copy = checkpoint.with_name("copy.bin")
    shutil.copy(checkpoint, copy)
    find_model(str(copy))  # the same content: the same conversion
    checkpoint.unlink()
    assert stale() == []
    copy.unlink()
    assert stale() == [(stem.parent.name, "its source is gone")]
    [found] = find_stale()
    remove(found)
    assert stale() == []
    assert not stem.parent.exists()


def test_what_came_from_nobody_knows_where_stays(checkpoint: Path, stem: Path) -> None:
    checkpoint.unlink()
    shutil.rmtree(cache_dir() / "hashes")
    (stem.parent / "origin.json").write_text("[]")
    assert stale() == []


def leftover(name: str) -> Path:
    folder = cache_dir() / "models" / name / "new"
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(bytes(1000))
    return folder.parent


def test_a_folder_that_somebody_works_in_is_not_stale(stem: Path) -> None:
    folder = leftover(".abc")
    assert stale() == []  # made a moment ago: its maker may be about to lock it
    os.utime(folder, (0, 0))
    killed = (".abc", "left by a conversion that was killed")
    assert stale() == [killed]
    with FileLock(folder / LOCK):
        assert stale() == []
    (folder / LOCK).touch()
    assert stale() == [killed]
    [found] = find_stale()
    assert found.size == 1000
    remove(found)
    assert [path.name for path in folder.parent.iterdir()] == [stem.parent.name]


def test_a_start_sweeps_what_killed_ones_have_left(stem: Path) -> None:
    dead, alive = leftover(".abc"), leftover(".def")
    for folder in (dead, alive):
        (folder / LOCK).touch()
    with FileLock(alive / LOCK):
        find("demo", None, Conversion(), lambda _: lambda *_: None)
    assert not dead.exists()
    assert alive.exists()
    assert stem.parent.exists()


CONVERTING = """
import os, sys, time
from llama2ncnn_chat.catalogue.find import ProgressCallbacks, find_model
def wait(_):
    print("converting", flush=True)
    time.sleep(60)
find_model(sys.argv[1], progress=ProgressCallbacks(converting=wait))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_conversion_leaves_what_can_be_removed_at_once(checkpoint: Path) -> None:
    command = [sys.executable, "-c", CONVERTING, str(checkpoint)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert stale() == []  # it is being converted
        process.send_signal(signal.SIGKILL)
    for _ in range(100):
        if found := find_stale():
            break
        time.sleep(0.05)
    assert [each.why for each in found] == ["left by a conversion that was killed"]
    assert found[0].size == size_of(found[0].folder)
    remove(found[0])
    assert list((cache_dir() / "models").iterdir()) == []


def test_links_lead_nowhere(stem: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(stem.parent, outside)
    link = cache_dir() / "models" / "link"
    link.symlink_to(outside)
    (stem.parent / "inside").symlink_to(outside)
    assert stale() == []
    with pytest.raises(ChatError, match="isn't a folder of the cache"):
        remove(find_conversions("link"))
    with pytest.raises(ChatError, match="isn't a folder of the cache"):
        remove(Removable(outside, "outside", "", 0))
    remove(find_conversions(stem.parent.name))
    assert file_of(outside / "model", ".desc").exists()
    link.unlink()
    moved = cache_dir() / "elsewhere"
    (cache_dir() / "models").rename(moved)
    (cache_dir() / "models").symlink_to(moved)
    with pytest.raises(ChatError, match=r"is a link.*by hand"):
        find_stale()
