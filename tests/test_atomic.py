"""A file is whole or not there, and what a killed process left goes at a start: of every kind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from llama2ncnn_chat.atomic import replacing, sweep_own_folders
from llama2ncnn_chat.cli import main
from llama2ncnn_chat.paths import cache_dir, data_dir, state_dir

ROOT = Path(__file__).resolve().parents[1]


def test_a_file_is_private_and_replaced_at_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with replacing(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UnicodeEncodeError), replacing(path) as beside:
        beside.write_text("half \udcff", encoding="utf-8")
    assert path.read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


KILLED = """
import os, signal, sys
def end(*_):
    os.kill(os.getpid(), signal.SIGKILL)
os.fsync = end
from pathlib import Path
"""

MEMO = """
from llama2ncnn_chat.catalogue.hashes import content_hash
from llama2ncnn_chat.paths import cache_dir
content_hash([Path(sys.executable)], cache_dir(), None, [])
"""
KERNEL = """
from llama2ncnn_chat.model.kernels.kept import _write
from llama2ncnn_chat.paths import cache_dir
_write(cache_dir() / "kernels" / "code.o", b"code")
"""
CONVERSION = """
os.fsync, os.rename = str, end
from llama2ncnn_chat.catalogue.find import find_model
find_model("demo")
"""
THEME = """
from llama2ncnn_chat.ui.tui.themes import remember_theme
remember_theme("ink")
"""
SNAPSHOT = """
import numpy as np, resource
from llama2ncnn_chat.model.kv_cache import KvCache
from llama2ncnn_chat.storage.snapshots import SnapshotStore
cache = np.zeros((1, 1, 100_000, 8), np.float32)
if len(sys.argv) > 1:  # in the middle of the library's own writing
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
SnapshotStore().save(1, "key", range(100_000), KvCache(cache, cache))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
@pytest.mark.parametrize(
    ("program", "arguments", "folder"),
    [
        (MEMO, [], "hashes"),
        (KERNEL, [], "kernels"),
        (SNAPSHOT, [], "snapshots"),
        (SNAPSHOT, ["while it is written"], "snapshots"),
        (THEME, [], None),
        (CONVERSION, [], "models"),
    ],
    ids=["memo", "kernel", "snapshot", "half a snapshot", "theme", "conversion"],
)
def test_what_a_killed_process_left_goes_at_the_next_start(
    program: str, arguments: list[str], folder: str | None
) -> None:
    command = [sys.executable, "-c", KILLED + program, *arguments]
    run = subprocess.run(command, cwd=ROOT)
    assert run.returncode in (-signal.SIGKILL, -signal.SIGXFSZ)
    place = cache_dir() / folder if folder else state_dir()
    [left] = place.iterdir()
    assert any(path.is_file() for path in left.rglob("*"))
    assert main(["models"]) == 0
    assert list(place.iterdir()) == []


EXPORT = """
from llama2ncnn_chat.atomic import replacing
with replacing(Path(sys.argv[1])) as beside:
    beside.write_text("half")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_of_an_export_that_was_killed_nothing_is_left_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "here" / "chat.md"
    path.parent.mkdir()
    path.write_text("the export before")
    command = [sys.executable, "-c", KILLED + EXPORT, str(path)]
    assert subprocess.run(command, cwd=ROOT).returncode == -signal.SIGKILL
    assert path.read_text() == "the export before"
    assert len(list(path.parent.iterdir())) == 2
    with replacing(path.with_name("other.md")) as beside:
        beside.write_text("another")
    assert sorted(each.name for each in path.parent.iterdir()) == ["chat.md", "other.md"]


def test_folders_that_are_not_there_or_are_links_are_no_trouble(tmp_path: Path) -> None:
    sweep_own_folders()
    outside = tmp_path / "outside" / ".llama2ncnn-1-0-0-01234567"
    outside.mkdir(parents=True)
    data_dir().mkdir(parents=True)
    (data_dir() / "link").symlink_to(outside.parent)
    sweep_own_folders()
    assert outside.exists()
