"""The list of models to choose from: what is in it, in which order, and what isn't."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from convert.pipeline import convert
from convert.stated import Stated
from llama2ncnn_chat.catalogue.bundled import DEMO
from llama2ncnn_chat.catalogue.find import find_model
from llama2ncnn_chat.catalogue.listing import (
    NOTHING_NAMED,
    ListedModel,
    NamedWith,
    models_at_hand,
)
from tests.tiny_model import random_weights, tiny_config, write_v0

CONFIG = tiny_config()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint, a converted model, and files that only look like either."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "tokenizer.bin").write_bytes(b"never opened here")
    raw = write_v0(folder / "raw.bin", CONFIG, random_weights(CONFIG, 3))
    convert(raw, folder / "made.ncnn", weights="b8")
    (folder / "firmware.bin").write_bytes(b"\0" * 1000)
    (folder / "broken.desc").write_text("1\n2\n")
    return folder


def names(models: list[ListedModel]) -> list[tuple[str, str]]:
    return [(m.name, m.where) for m in models if m.name != DEMO]


def test_a_folder_has_its_models_and_nothing_else(folder: Path) -> None:
    found = models_at_hand(folder=folder)
    here = "here"
    assert names(found) == [("made.ncnn", here), ("raw.bin", here)]
    made, raw = found[:2]
    assert made.format == "ncnn b8 in blocks of 64"
    assert raw.format == "llama2.c v0 (legacy, float32)"
    assert raw.size == (folder / "raw.bin").stat().st_size
    assert find_model(made.model).stem == folder / "made.ncnn"


def test_the_bundled_model_is_the_last_wherever_one_stands(folder: Path, tmp_path: Path) -> None:
    assert [m.model for m in models_at_hand(folder=tmp_path / "none")] == [DEMO]
    assert models_at_hand({DEMO: NOTHING_NAMED}, folder)[-1].model == DEMO


def test_a_model_used_lately_comes_first_and_once(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.bin"
    shutil.copy(folder / "raw.bin", elsewhere)
    named = NamedWith("t.bin", Stated(rope_theta=5e5))
    nothing = (str(path) for path in (folder / "raw.bin", tmp_path / "gone.bin"))
    found = models_at_hand({str(elsewhere): named, **dict.fromkeys(nothing, NOTHING_NAMED)}, folder)
    assert [model.named for model in found[:2]] == [named, NOTHING_NAMED]
    assert names(found) == [
        ("elsewhere.bin", "used lately"),
        ("raw.bin", "used lately"),
        ("made.ncnn", "here"),
    ]


def test_what_was_converted_before_is_found_from_anywhere(folder: Path, tmp_path: Path) -> None:
    raw = folder / "raw.bin"
    stem = find_model(str(raw)).stem
    [found] = models_at_hand(folder=tmp_path)[:-1]
    assert (found.name, found.model, found.where) == ("raw.bin", str(raw), "converted before")
    raw.unlink()
    [found] = models_at_hand(folder=tmp_path)[:-1]
    assert (found.name, found.model) == ("raw.bin", str(stem))
    assert find_model(found.model).stem == stem
    assert names(models_at_hand({str(stem): NOTHING_NAMED}, tmp_path)) == [
        ("raw.bin", "used lately")
    ]
    shutil.rmtree(stem.parents[2] / "hashes")
    assert names(models_at_hand(folder=tmp_path)) == [("raw.bin", "converted before")]
    (stem.parent / "origin.json").unlink()
    assert names(models_at_hand(folder=tmp_path)) == [(stem.parent.name, "converted before")]


def test_the_bundled_one_is_not_listed_again_as_converted(tmp_path: Path) -> None:
    find_model(DEMO)
    assert names(models_at_hand(folder=tmp_path)) == []


def test_words_find_a_model() -> None:
    model = ListedModel("/models/Stories15M.bin", "Stories15M.bin", "ncnn q8", 1, "used lately")
    assert model.matches("")
    assert model.matches("q8 stories")
    assert not model.matches("stories q4")
    model = ListedModel("hf:a/b", "hf:a/b", "int8", 1, "to fetch", good_for="reasoning, code")
    assert model.matches("fetch reasoning")
