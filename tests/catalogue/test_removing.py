"""What goes out of the cache, and what never does."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from convert.stem import file_of
from convert.temporary import is_temporary, temporary_folder
from llama2ncnn_chat.catalogue.conversion import Conversion
from llama2ncnn_chat.catalogue.find import find_model
from llama2ncnn_chat.catalogue.removing import Removable, find_conversions, find_stale, remove
from llama2ncnn_chat.cli import main
from llama2ncnn_chat.errors import ChatError, UsageError
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


def test_what_is_no_whole_model_can_go(stem: Path) -> None:
    broken = cache_dir() / "models" / "0123"
    broken.mkdir()
    (broken / "model.bin").write_bytes(bytes(1000))
    with temporary_folder(broken.parent):  # somebody works in it
        assert stale() == [("0123", "it isn't a whole model")]
    [found] = find_stale()
    assert found.size == 1000
    remove(found)
    assert [path.name for path in broken.parent.iterdir()] == [stem.parent.name]


CONVERTING = """
import os, sys, time
from llama2ncnn_chat.catalogue.find import Callbacks, find_model
def wait(_):
    print("converting", flush=True)
    time.sleep(60)
find_model(sys.argv[1], callbacks=Callbacks(converting=wait))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_what_a_killed_conversion_left_goes_at_the_next_start(checkpoint: Path) -> None:
    command = [sys.executable, "-c", CONVERTING, str(checkpoint)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert main(["models"]) == 0  # it is being converted
        [folder] = (cache_dir() / "models").iterdir()
        assert is_temporary(folder.name)
        assert stale() == []
        process.send_signal(signal.SIGKILL)
    assert main(["models"]) == 0
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
