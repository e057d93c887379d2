"""What the cache holds is believed as far as it holds, and made anew where it doesn't."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from convert.desc import verify
from convert.files import is_file
from convert.stem import ALL_SUFFIXES, file_of
from llama2ncnn_chat.catalogue.cached import cached_models, read_origin
from llama2ncnn_chat.catalogue.find import FoundModel, find_model
from llama2ncnn_chat.catalogue.listing import inventory
from llama2ncnn_chat.catalogue.sound import MAX_PIECES, PIECE, read_sound, write_sums
from llama2ncnn_chat.errors import ModelError
from llama2ncnn_chat.paths import cache_dir
from tests.chat_folder import write_chat_folder
from tests.tiny_model import random_weights, tiny_config, write_v0

CONFIG = tiny_config()
Harm = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_chat_folder(tmp_path / "chat")
    return tmp_path / "chat"


def flip(path: Path, at: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= 0x10
    path.write_bytes(raw)


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


HARMS: dict[str, Harm] = {
    "its first byte": lambda path: flip(path, 0),
    "its last byte": lambda path: flip(path, -1),
    "one in its middle": lambda path: flip(path, path.stat().st_size // 2),
    "cut": lambda path: os.truncate(path, path.stat().st_size - 3),
    "empty": lambda path: os.truncate(path, 0),
    "gone": Path.unlink,
    "a folder": as_folder,
    "a pipe": as_pipe,
}


def whole(found: FoundModel) -> None:
    verify(found.stem, found.desc)
    assert read_sound(found.stem) == found.desc


@pytest.mark.timeout(60)
@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("suffix", ALL_SUFFIXES)
def test_a_damaged_conversion_is_made_anew_with_a_line(
    folder: Path, suffix: str, harm: str
) -> None:
    first = find_model(str(folder))
    file = file_of(first.stem, suffix)
    before = file.read_bytes()
    HARMS[harm](file)
    again = find_model(str(folder))
    assert (again.stem, again.desc, file.read_bytes()) == (first.stem, first.desc, before)
    [note] = again.notes
    assert str(file) in note
    assert note.endswith("; it was converted anew")
    whole(again)
    assert find_model(str(folder)).notes == ()


def test_so_is_one_whose_folder_is_a_file(folder: Path) -> None:
    stem = find_model(str(folder)).stem
    shutil.rmtree(stem.parent)
    stem.parent.write_text("in the way")
    again = find_model(str(folder))
    assert again.notes[0].endswith("; it was converted anew")
    whole(again)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["sums.json", "origin.json"])
@pytest.mark.parametrize("junk", [b"", b"[]", b"null", b"\xff\xfe\0", b'{"a"', b"[" * 100_000])
def test_what_is_kept_of_a_conversion_is_written_anew(folder: Path, name: str, junk: bytes) -> None:
    first = find_model(str(folder))
    origin = read_origin(first.stem.parent)
    file = first.stem.with_name(name)
    before, written = json.loads(file.read_text()), file_of(first.stem, ".bin").stat().st_ino
    file.write_bytes(junk)
    assert [model.stem for model in cached_models()] == [first.stem]
    assert len(inventory().converted) == 1
    again = find_model(str(folder))
    assert again.stem == first.stem
    assert again.notes == (f"{file}: was damaged; it was written anew",)
    assert find_model(str(folder)).notes == ()
    assert json.loads(file.read_text()) == before
    assert read_origin(first.stem.parent) == origin
    assert file_of(first.stem, ".bin").stat().st_ino == written  # the weights are as they were


def test_one_of_an_earlier_program_gets_its_sums_if_it_holds(folder: Path) -> None:
    stem = find_model(str(folder)).stem
    sums = stem.with_name("sums.json")
    before = sums.read_bytes()
    sums.unlink()
    assert find_model(str(folder)).notes == ()
    assert sums.read_bytes() == before
    sums.unlink()
    flip(file_of(stem, ".bin"), 70_000)
    assert find_model(str(folder)).notes[0].endswith("; it was converted anew")


def test_a_damage_between_the_samples_is_found_by_reading_all(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.bin").write_bytes(b"never opened here")
    config = tiny_config(dim=256, hidden_dim=4096, n_heads=4, n_kv_heads=4, vocab_size=4096)
    checkpoint = write_v0(tmp_path / "m.bin", config, random_weights(config, 3))
    first = find_model(str(checkpoint), check=True)
    path = file_of(first.stem, ".bin")
    size = path.stat().st_size
    last, n = size - PIECE, MAX_PIECES
    ends = [last * i // (n - 1) + PIECE for i in range(n)]
    assert ends[-1] == size
    unseen = next(a for a, b in pairwise(ends) if a < b - PIECE)
    flip(path, unseen)
    assert find_model(str(checkpoint)).notes == ()
    [note] = find_model(str(checkpoint), check=True).notes
    assert "SHA-256" in note
    whole(find_model(str(checkpoint), check=True))
    flip(path, unseen - 1)  # the last byte of a sample
    [note] = find_model(str(checkpoint)).notes
    assert f"{path}: is damaged" in note


def test_without_its_source_a_damaged_one_is_not_used(folder: Path) -> None:
    stem = find_model(str(folder)).stem
    shutil.rmtree(folder)
    assert find_model(str(folder)).stem == stem
    flip(file_of(stem, ".bin"), 1000)
    with pytest.raises(ModelError, match="its conversion in the cache is damaged"):
        find_model(str(folder))


MEMOS = [
    *(b"", b"[]", b"null", b"3", b"{}", b'"x"', b"\xff\xfe", b'{"stamp": 3, "sha256": 3}'),
    *(b'{"stamp"', b"[" * 100_000, b'{"stamp": [[]], "sha256": "../../../x"}'),
]


@pytest.mark.parametrize("junk", MEMOS)
def test_a_damaged_memo_is_written_anew_with_a_line(folder: Path, junk: bytes) -> None:
    first = find_model(str(folder))
    memos = sorted((cache_dir() / "hashes").iterdir())
    before = [memo.read_bytes() for memo in memos]
    for memo in memos:
        memo.write_bytes(junk)
    assert len(inventory().converted) == 1
    again = find_model(str(folder))
    assert again.stem == first.stem
    assert [note.partition(";")[0] for note in sorted(again.notes)] == [
        f"{memo}: was damaged" for memo in memos
    ]
    assert find_model(str(folder)).notes == ()
    assert [memo.read_bytes() for memo in memos] == before


@pytest.mark.timeout(60)
def test_a_memo_that_is_no_file_or_has_no_hash_is_done_without(folder: Path) -> None:
    first = find_model(str(folder))
    memos = sorted((cache_dir() / "hashes").iterdir())
    as_pipe(memos[0])
    known = json.loads(memos[1].read_text())
    memos[1].write_text(json.dumps(known | {"sha256": "../" * 21 + "x"}))
    assert find_model(str(folder)).stem == first.stem
    as_folder(memos[0])
    assert find_model(str(folder)).stem == first.stem


def test_an_origin_with_names_that_can_not_be_is_no_traceback(folder: Path) -> None:
    stem = find_model(str(folder)).stem
    for name in ("a" * 5000, "a\0b"):
        stem.with_name("origin.json").write_text(json.dumps({"model": name, "files": [name]}))
        assert [model.stem for model in cached_models()] == [stem]
        assert len(inventory().converted) == 1


def test_sums_are_of_what_is_there(folder: Path) -> None:
    stem = find_model(str(folder)).stem
    written = stem.with_name("sums.json").read_bytes()
    write_sums(stem)
    assert stem.with_name("sums.json").read_bytes() == written
    assert is_file(file_of(stem, ".chat.json"))
    assert {"model.bin", "model.tokenizer.bin", "model.chat.json"} == json.loads(written).keys()
