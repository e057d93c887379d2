"""What was named with a model holds when it is opened again: by its session, or from the list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convert.fingerprint import fingerprint_of
from convert.pipeline import convert
from convert.stated import Stated
from llama2ncnn_chat.catalogue.conversion import Conversion
from llama2ncnn_chat.catalogue.find import find_model
from llama2ncnn_chat.catalogue.listing import ListedModel
from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.launch.open_chat import list_models, open_chat
from llama2ncnn_chat.launch.options import options_of
from tests.chatting import do
from tests.program import write_tokenizer
from tests.tiny_model import random_weights, tiny_config, write_v0

CONFIG = tiny_config(vocab_size=300, seq_len=128)
FLAGS: dict[str, Any] = {"rope_theta": "5e5", "norm_eps": "1e-6", "rope_order": "halves"}
STATED = Stated(5e5, 1e-6, "halves")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    write_tokenizer(tmp_path / "tokenizer.bin", CONFIG.vocab_size)
    return write_v0(tmp_path / "m.bin", CONFIG, random_weights(CONFIG, 3))


def step(_what: str) -> Callable[[int, int], None]:
    return lambda _done, _total: None


@contextmanager
def opened(picked: ListedModel | None = None, **flags: Any) -> Iterator[Chat]:
    options = options_of({"max_tokens": "2", **flags}, {}, Path("/none"))
    chat = open_chat(options, step, picked=picked)
    try:
        yield chat
    finally:
        chat.close()


def said_hello(**flags: Any) -> str:
    """Begin a session; returns the fingerprint of its model."""
    with opened(**flags) as chat:
        do(chat, "hello")
        return chat.model.fingerprint


def fingerprint(picked: ListedModel | None = None, **flags: Any) -> str:
    with opened(picked, **flags) as chat:
        assert not [note for note in chat.notes if "converted already" in note]
        return chat.model.fingerprint


def test_a_session_remembers_what_was_stated(model: Path) -> None:
    usual = said_hello(model=str(model))
    stated = said_hello(model=str(model), **FLAGS)
    assert stated != usual
    assert fingerprint(latest=True) == stated
    assert fingerprint(resume="2") == stated
    assert fingerprint(resume="1") == usual
    assert fingerprint(latest=True, model=str(model)) == usual  # named anew


def test_what_is_typed_goes_first_and_is_remembered(model: Path) -> None:
    said_hello(model=str(model), **FLAGS)
    want = STATED
    typed: list[dict[str, Any]] = [{"rope_theta": 7.0}, {"norm_eps": 0.1}, {"rope_order": "auto"}]
    for each in typed:
        want = replace(want, **each)
        with opened(latest=True, **each) as chat:
            assert chat.model.stated == want.text
            stated = find_model(str(model), Conversion(stated=want)).desc
            assert chat.model.fingerprint == fingerprint_of(stated)
            assert any(note.startswith("it was written with") for note in chat.notes)
        assert fingerprint(latest=True) == fingerprint_of(stated)


def test_a_model_that_is_converted_already_remembers_nothing_of_it(model: Path) -> None:
    stem = model.with_name("made.ncnn")
    convert(model, stem, weights="fp32")
    with opened(model=str(stem), **FLAGS) as chat:
        assert any("converted already" in note for note in chat.notes)
        assert chat.model.stated == ""
        do(chat, "hello")
    assert fingerprint(latest=True)


def test_a_checkpoint_that_is_gone_is_still_as_it_was_stated(model: Path) -> None:
    usual = said_hello(model=str(model))
    stated = said_hello(model=str(model), **FLAGS)
    model.unlink()
    for session, want in (("2", stated), ("1", usual), ("2", stated)):  # and is remembered
        assert fingerprint(resume=session) == want


def test_a_model_of_the_list_is_opened_as_it_was_used(model: Path) -> None:
    said_hello(model=str(model))
    stated = said_hello(model=str(model), **FLAGS)
    options = options_of({}, {}, Path("/none"))
    picked = next(each for each in list_models(options) if each.model == str(model))
    assert picked.named.stated == STATED
    assert fingerprint(picked) == stated
    assert fingerprint(picked, rope_theta="7.0") == stated  # typed with another model
    assert fingerprint(picked, pick=True, rope_theta="7.0") == stated
    other = ListedModel(str(model), "m.bin", "", 0, "here")
    usual = fingerprint(other)
    assert usual != stated
    assert fingerprint(other, **FLAGS) == usual
    assert fingerprint(other, pick=True, **FLAGS) == stated
