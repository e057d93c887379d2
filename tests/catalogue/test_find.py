"""What a person calls a model, found or made: odd names, a damaged cache, two processes at once."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
from pathlib import Path

import pytest

from convert.stem import file_of
from llama2ncnn_chat.catalogue.conversion import Conversion
from llama2ncnn_chat.catalogue.find import find_model
from llama2ncnn_chat.errors import ChatError, ModelError, UsageError
from tests.tiny_model import random_weights, tiny_config, write_v0

CONFIG = tiny_config()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    (tmp_path / "tokenizer.bin").write_bytes(b"never opened here")
    return write_v0(tmp_path / "m.bin", CONFIG, random_weights(CONFIG, 3))


@pytest.mark.parametrize("name", ["", ".", "/", "..", "a" * 300, "x/" + "a" * 300])
def test_a_name_that_is_no_model_is_an_error(name: str) -> None:
    with pytest.raises(ModelError):
        find_model(name)


@pytest.mark.parametrize("suffix", [".desc", ".param", ".bin"])
@pytest.mark.parametrize("harm", ["cut", "gone", "old format"])
def test_a_damaged_model_in_the_cache_is_made_again(
    checkpoint: Path, suffix: str, harm: str
) -> None:
    stem = find_model(str(checkpoint)).stem
    file = file_of(stem, suffix)
    whole = file.read_bytes()
    if harm == "gone":
        file.unlink()
    elif harm == "cut":
        file.write_bytes(whole[:100])
    else:
        file.write_bytes(whole.replace(b"desc_sha256", b"something_else") + b"\n")
    found = find_model(str(checkpoint))
    assert found.stem == stem
    assert file.read_bytes() == whole
    assert [p.name for p in stem.parent.parent.iterdir()] == [stem.parent.name]  # no litter


def test_a_whole_model_in_a_cache_that_is_read_only_is_used(checkpoint: Path) -> None:
    stem = find_model(str(checkpoint)).stem
    for folder in (stem.parent, stem.parent.parent):
        folder.chmod(0o500)
    try:
        found = find_model(str(checkpoint))
    finally:
        for folder in (stem.parent.parent, stem.parent):
            folder.chmod(0o700)
    assert (found.stem, found.notes) == (stem, ())


def test_a_kept_model_is_made_again_only_if_it_would_be_another(checkpoint: Path) -> None:
    stem = checkpoint.with_name("kept")

    def made(weights: str | None = None) -> int:
        find_model(str(checkpoint), Conversion(weights, keep=stem))
        return file_of(stem, ".desc").stat().st_ino

    first = made()
    assert made() == first
    assert made("b8") != first
    other = made("fp32")
    write_v0(checkpoint, CONFIG, random_weights(CONFIG, 4))
    assert made("fp32") != other


def test_a_kept_model_wants_a_name(checkpoint: Path) -> None:
    with pytest.raises(UsageError, match="names a folder"):
        find_model(str(checkpoint), Conversion(keep=Path()))


def test_no_room_is_not_the_models_fault(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(checkpoint.parent)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ChatError, match="1,000 free") as caught:
        find_model(str(checkpoint))
    assert caught.value.exit_code == 1


def test_a_memo_that_can_not_be_written_is_done_without(checkpoint: Path) -> None:
    cache = Path(os.environ["XDG_CACHE_HOME"]) / "llama2ncnn"
    cache.mkdir(parents=True)
    (cache / "hashes").write_text("in the way")
    assert find_model(str(checkpoint)).notes == ()


@pytest.mark.skipif(sys.platform != "linux", reason="names are text elsewhere")
def test_a_name_that_is_no_text(checkpoint: Path) -> None:
    path = os.fsdecode(os.fsencode(checkpoint.parent) + b"/n\xff.bin")
    shutil.copy(checkpoint, path)
    assert find_model(path).desc.shape.dim == CONFIG.dim


def _find(path: str, out: multiprocessing.SimpleQueue[str]) -> None:
    try:
        out.put(str(find_model(path).stem))
    except Exception as e:  # noqa: BLE001 - whatever it is, the parent must hear of it
        out.put(repr(e))


def test_many_processes_at_once_make_one_model(checkpoint: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    out: multiprocessing.SimpleQueue[str] = spawn.SimpleQueue()
    workers = [spawn.Process(target=_find, args=(str(checkpoint), out)) for _ in range(4)]
    for worker in workers:
        worker.start()
    found = {out.get() for _ in workers}
    for worker in workers:
        worker.join()
    assert found == {str(find_model(str(checkpoint)).stem)}
    models = Path(found.pop()).parent.parent
    assert len(list(models.iterdir())) == 1
