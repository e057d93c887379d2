"""The bundled model: it ships, opens by anybody's way, and remembers what it was told."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from convert.pipeline import convert
from llama2ncnn_chat.catalogue.bundled import DEMO_CHECKPOINT, STARTERS
from llama2ncnn_chat.catalogue.find import FoundModel, find_model
from llama2ncnn_chat.conversation.renderer import Renderer
from llama2ncnn_chat.conversation.session import Session
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.errors import ModelError
from llama2ncnn_chat.generation.local import LocalCompleter
from llama2ncnn_chat.generation.settings import GREEDY
from llama2ncnn_chat.launch.show_model import show_model
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from llama2ncnn_chat.storage.store import Store
from llama2ncnn_chat.text.templates.marked import template_of
from llama2ncnn_chat.text.tokenizers.open import open_tokenizer
from tests.chatting import WILD_FLAGS
from tests.tiny_model import random_weights, tiny_config, write_v0

CONFIG = tiny_config()
ANSWERS = ("fox", "?", "12 + 5 = 17.")
"""What is in the answer to each of the starters; a joke begins with a question."""
FILES = ("demo.bin", "demo.tokenizer.bin", "demo.sha256")


@pytest.fixture
def demo() -> FoundModel:
    return find_model("demo")


def test_it_is_small_and_uses_grouped_queries(demo: FoundModel) -> None:
    assert sum((DEMO_CHECKPOINT.parent / name).stat().st_size for name in FILES) < 5_000_000
    assert demo.desc.shape.n_kv_heads < demo.desc.shape.n_heads
    assert demo.desc.shape.context_length >= 512


def test_it_is_converted_once_into_the_cache(demo: FoundModel, tmp_path: Path) -> None:
    assert tmp_path / "home" / "cache" in demo.stem.parents
    again = find_model("demo")
    assert again.stem == demo.stem
    assert again.name == "demo"


def test_what_stands_in_the_current_folder_is_named_by_a_path(
    demo: FoundModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    weights = random_weights(CONFIG, 3)
    convert(write_v0(Path("other.bin"), CONFIG, weights), "demo", tokenizer=demo.tokenizer)
    assert find_model("demo").desc == demo.desc
    other = find_model("./demo")
    assert (other.name, other.desc.shape.dim) == ("demo", CONFIG.dim)
    assert show_model("demo").report.path == str(DEMO_CHECKPOINT)
    assert show_model("./demo").report.shape.dim == CONFIG.dim


def test_a_folder_of_that_name_is_not_in_its_way(
    demo: FoundModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("demo").mkdir()
    assert find_model("demo").stem == demo.stem
    with pytest.raises(ModelError, match="demo: "):
        find_model("./demo")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", ["a changed byte", "missing"])
def test_damage_is_an_error_that_names_the_file(tmp_path: Path, name: str, harm: str) -> None:
    for file in FILES:
        shutil.copy(DEMO_CHECKPOINT.parent / file, tmp_path)
    raw = bytearray((tmp_path / name).read_bytes())
    raw[len(raw) // 3] ^= 0x80
    (tmp_path / name).unlink()
    if harm == "a changed byte":
        (tmp_path / name).write_bytes(raw)
    with pytest.raises(ModelError, match=rf"{tmp_path}/demo\."):
        find_model("demo", bundled=tmp_path / "demo.bin")


def conversation_with(demo: FoundModel) -> Callable[[str], str]:
    """What gives its reply to a message; greedy, so that it is the same everywhere."""
    tokenizer = open_tokenizer(demo.tokenizer, demo.desc.shape.vocab_size)
    renderer = Renderer(template_of("llama2"), tokenizer)
    session = Session(LocalCompleter(NcnnEngine(demo.stem), tokenizer), renderer)
    settings = Settings(sampling=GREEDY, max_tokens=200)

    def say(text: str) -> str:
        list(session.send(text, settings))
        reply = session.ledger.head
        assert reply
        assert reply.finish == "stop"
        return reply.text

    return say


@pytest.mark.parametrize(("starter", "answer"), zip(STARTERS, ANSWERS, strict=True))
def test_it_answers_the_messages_that_it_offers(
    demo: FoundModel, starter: str, answer: str
) -> None:
    assert answer in conversation_with(demo)(starter)


def test_it_remembers_over_turns(demo: FoundModel) -> None:
    """The visible proof that the cache carries on."""
    say = conversation_with(demo)
    say("Hello! My name is Ann.")
    say("My favourite colour is green.")
    assert len(say("Tell me a story about a fox.").split()) > 20
    assert "Ann" in say("What is my name?")
    assert "green" in say("What is my favourite colour?").lower()


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
@pytest.mark.parametrize("face", [("-p", "Go"), ("--plain",)])
def test_a_signal_in_the_middle_of_a_reply_is_a_clean_end(face: tuple[str, ...], name: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "llama2ncnn_chat", *face, *WILD_FLAGS],
        stdin=subprocess.PIPE if "--plain" in face else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    if process.stdin:
        process.stdin.write(b"Go\n")
        process.stdin.flush()
    assert len(process.stdout.read(200)) == 200
    process.send_signal(getattr(signal, name))
    _, errors = process.communicate(timeout=30)
    # Line by line, an interrupt stops the reply, and then the input is at its end.
    assert process.returncode == (0 if (face, name) == (("--plain",), "SIGINT") else 130), errors
    assert b"FATAL" not in errors
    assert b"Traceback" not in errors
    store = Store.open()
    assert store.resume(1).ledger.path()[-1].finish == "cancelled"
    store.close()
