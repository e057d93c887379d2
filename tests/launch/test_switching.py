"""Another model in a running chat, with real ones: how it is found, and what it brings along."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convert.pipeline import convert
from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.errors import ModelError
from llama2ncnn_chat.launch.open_chat import open_chat
from llama2ncnn_chat.launch.options import options_of
from tests.chat_folder import write_chat_folder
from tests.chatting import do, transcript
from tests.inside import engine_of
from tests.program import write_tokenizer
from tests.tiny_model import random_weights, tiny_config, write_v0

CONFIG = tiny_config(vocab_size=300, seq_len=128)


def step(_what: str) -> Callable[[int, int], None]:
    return lambda _done, _total: None


def opened(**flags: Any) -> Chat:
    return open_chat(options_of({"max_tokens": "3", **flags}, {}, Path("/none")), step)


@pytest.fixture
def first(tmp_path: Path) -> Path:
    write_tokenizer(tmp_path / "tokenizer.bin", CONFIG.vocab_size)
    return write_v0(tmp_path / "first.bin", CONFIG, random_weights(CONFIG, 1))


@pytest.fixture
def second(first: Path) -> Path:
    return write_v0(first.with_name("second.bin"), CONFIG, random_weights(CONFIG, 2))


def test_a_model_of_the_same_tokenizer_reads_what_was_said_as_if_it_had_been_there(
    first: Path, second: Path
) -> None:
    chat = opened(model=str(first), temperature="0")
    do(chat, "hello")
    path = chat.session.ledger.path()
    ids, position = [turn.ids for turn in path], engine_of(chat).position
    assert position
    do(chat, f"/model {second}")
    assert (chat.model.name, engine_of(chat).position) == (str(second), 0)
    assert [turn.ids for turn in chat.session.ledger.path()] == ids
    do(chat, "again")
    said = chat.session.ledger.path()[-1].ids
    chat.close()
    other = opened(model=str(second), resume="1", temperature="0")
    other.session.undo()
    do(other, "again")
    assert other.session.ledger.path()[-1].ids == said
    other.close()


def test_another_kind_of_model_has_its_own_template_tokens_and_sampling(
    first: Path, tmp_path: Path
) -> None:
    write_chat_folder(tmp_path / "folder")
    chat = opened(model=str(first))
    do(chat, "hello")
    texts = transcript(chat)
    do(chat, f"/model {tmp_path / 'folder'}")
    assert transcript(chat) == texts
    assert chat.settings.sampling.temperature == 0.25
    message = chat.session.ledger.path()[0]
    assert message.ids == chat.session.renderer.message("hello", first=True)
    assert message.ids[0] == chat.vocabulary.special("<|begin|>")
    assert chat.vocabulary.special("<|end|>") in chat.vocabulary.ends
    do(chat, "again")
    assert [info.model for info in chat.stored().list()] == [str(tmp_path / "folder"), str(first)]
    chat.close()


def test_it_is_found_by_whatever_it_is_called(
    first: Path, second: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stem = tmp_path / "kept.ncnn"
    convert(second, stem, weights="fp32")
    chat = opened(model=str(first))
    do(chat, f"/model {second}")
    do(chat, "/model first.bin")  # used lately, if not in this folder
    assert chat.model.name == str(first)
    assert chat.models
    assert {"first.bin", "second.bin", "demo"} <= {each.name for each in chat.models.at_hand()}
    do(chat, "/model demo")
    assert chat.model.starters
    monkeypatch.chdir(tmp_path)
    do(chat, "/model kept.ncnn")
    assert chat.model.name == str(stem)
    with pytest.raises(ModelError, match="no such model"):
        do(chat, "/model nowhere")
    assert chat.model.name == str(stem)
    chat.close()


def test_what_was_said_of_the_first_model_is_not_said_of_another(first: Path, second: Path) -> None:
    named = first.with_name("named.bin")
    first.with_name("tokenizer.bin").rename(named)
    stem = first.with_name("stem")
    chat = opened(
        model=str(first),
        tokenizer=str(named),
        rope_theta="7.0",
        weights="fp16",
        keep_model=str(stem),
    )
    with pytest.raises(ModelError, match="no tokenizer"):
        do(chat, f"/model {second}")
    named.rename(first.with_name("tokenizer.bin"))
    kept = stem.with_suffix(".bin").read_bytes()
    do(chat, f"/model {second}")
    assert (chat.model.stated, chat.model.tokenizer) == ("", "")
    assert chat.model.weights != "fp16"
    assert stem.with_suffix(".bin").read_bytes() == kept
    chat.close()
