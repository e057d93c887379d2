"""What a model is in a chat goes with its files: converted, moved, its source gone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from convert.pipeline import convert
from convert.stem import ALL_SUFFIXES
from llama2ncnn_chat.catalogue.find import find_model
from llama2ncnn_chat.conversation.renderer import renderer_of
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.launch.open_model import load_tokenizer
from llama2ncnn_chat.launch.prepare import with_sampling, with_template
from llama2ncnn_chat.text.tokenizers.open import open_tokenizer
from tests.chat_folder import GENERATION, write_chat_folder
from tests.tiny_model import random_weights, tiny_config, write_v0

SAID = "<|begin|>user\nHi 日本 🦙<|end|>\n<|begin|>assistant\n"


def moved(tmp_path: Path) -> Path:
    """Convert a folder, take the model elsewhere, and remove all that it was made from."""
    write_chat_folder(tmp_path / "source")
    convert(tmp_path / "source", tmp_path / "out.ncnn")
    shutil.rmtree(tmp_path / "source")
    (tmp_path / "elsewhere").mkdir()
    for path in tmp_path.glob("out.ncnn.*"):
        path.rename(tmp_path / "elsewhere" / path.name)
    return tmp_path / "elsewhere" / "out.ncnn"


@pytest.mark.parametrize("suffix", ["", *ALL_SUFFIXES])
def test_tokenizer_template_ends_and_sampling_go_along(tmp_path: Path, suffix: str) -> None:
    stem = moved(tmp_path)
    model = find_model(f"{stem}{suffix}")
    vocabulary, facts = load_tokenizer(model), model.facts
    settings, note = with_template(Settings(), model.desc, facts, vocabulary)
    settings = with_sampling(settings, facts.sampling, frozenset())
    assert note == ""
    assert (settings.sampling.temperature, settings.sampling.top_k) == (0.25, 7)
    write_chat_folder(tmp_path / "again")
    theirs = open_tokenizer(tmp_path / "again")
    ids = renderer_of(settings, vocabulary).message("Hi 日本 🦙", first=True)
    begin, end = (theirs.special(name) for name in ("<|begin|>", "<|end|>"))
    assert ids[0] == begin
    assert ids.count(end or -1) == 1
    marks = {begin: "<|begin|>", end: "<|end|>"}
    pieces = [marks[i].encode() if i in marks else theirs.piece(i) for i in ids]
    assert b"".join(pieces).decode() == SAID
    assert vocabulary.ends == {end, *GENERATION["eos_token_id"]}


def test_nothing_of_a_model_before_it_stays_beside_another(tmp_path: Path) -> None:
    write_chat_folder(tmp_path / "source")
    convert(tmp_path / "source", tmp_path / "out")
    assert json.loads((tmp_path / "out.chat.json").read_text())["sampling"]
    c = tiny_config()
    convert(write_v0(tmp_path / "m.bin", c, random_weights(c, 0)), tmp_path / "out")
    assert not json.loads((tmp_path / "out.chat.json").read_text())["sampling"]


def test_what_was_mended_in_the_folder_is_used_without_converting_again(tmp_path: Path) -> None:
    write_chat_folder(tmp_path / "source")
    before = find_model(str(tmp_path / "source"))
    (tmp_path / "source" / "chat_template.jinja").write_text("{{ messages }}")
    after = find_model(str(tmp_path / "source"))
    assert after.stem == before.stem
    assert after.facts.templates.templates == {"default": "{{ messages }}"}
