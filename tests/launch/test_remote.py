"""A chat with an engine elsewhere, by what a person types: its key, its files, its breaking off."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.chat.line import Message
from llama2ncnn_chat.errors import Advice, ChatError, EngineError, ModelError, UsageError
from llama2ncnn_chat.generation.local import LocalCompleter
from llama2ncnn_chat.launch import remote
from llama2ncnn_chat.launch.at_rest import place_of, read_files
from llama2ncnn_chat.launch.open_chat import open_chat
from llama2ncnn_chat.launch.options import options_of
from llama2ncnn_chat.paths import data_dir
from llama2ncnn_chat.remote.probes import PROBES
from llama2ncnn_chat.text.haste import in_haste
from tests.chatting import do, transcript
from tests.launch.test_switching import step
from tests.launch.values import SCHEMA
from tests.remote.asking import PROPS, llama_end, llama_event
from tests.remote.engine_server import SILENCE, Answer, Script, saying, serving, streaming

KEY = "k3y-that-nobody-sees"
DEMO = read_files(place_of("demo")).vocabulary
N_CONTEXT = 512


def says(text: str, *, cut: bool = False) -> Answer:
    """A reply in the demo's tokens, which breaks off if it is ``cut``."""
    ids = DEMO.encode(text, bos=False, prefix=False)
    events = [llama_event(DEMO.piece(i).decode(), [i], n) for n, i in enumerate(ids, 1)]
    if cut:
        return streaming(*events, cuts=True)
    return streaming(*events, llama_end(len(ids), "eos"))


@contextmanager
def engine(*completions: Answer, **more: Any) -> Iterator[Script]:
    """A llama-server with the demo's vocabulary, which tells no tokens unless ``more`` says so."""
    props = {**PROPS, "default_generation_settings": {"n_ctx": N_CONTEXT}, "chat_template": ""}
    about = {"id": "/models/tiny.gguf", "meta": {"n_vocab": DEMO.vocab_size}}
    answers: dict[str, Any] = {
        "/props": saying(props),
        "/v1/models": saying({"data": [about]}),
        "/completion": list(completions),
        **more,
    }
    with serving(Script(answers)) as script:
        yield script


def opened(script: Script, *, environ: dict[str, str] | None = None, **flags: Any) -> Chat:
    typed = {"engine": script.url, "model": "demo", **flags}
    return open_chat(options_of(typed, environ or {}, Path("/none")), step)


def tokens_of(text: str) -> Answer:
    return saying({"tokens": DEMO.encode(text, bos=False)})


def test_what_came_before_the_engine_went_away_is_kept_and_gone_on_with() -> None:
    with engine(says("It was a", cut=True), says(" dark night.")) as script:
        with closing(opened(script)) as chat:
            with pytest.raises(EngineError) as broken:
                do(chat, "tell me")
            assert broken.value.hint is Advice.GO_ON_LATER
            assert transcript(chat) == ["tell me", "It was a"]
            number = chat.session_id
        with closing(opened(script, resume=str(number))) as chat:
            do(chat, "/continue")
            assert transcript(chat) == ["tell me", "It was a dark night."]
            (*_, reply) = chat.session.ledger.path()
    first, second = script.bodies("/completion")
    assert (
        second["prompt"]
        == first["prompt"] + reply.ids[: len(second["prompt"]) - len(first["prompt"])]
    )
    assert len(second["prompt"]) > len(first["prompt"])


def test_a_message_to_an_engine_that_is_gone_leaves_nothing() -> None:
    refused = saying({"error": {"message": "out of memory"}}, 400)
    with engine(refused) as script, closing(opened(script)) as chat:
        with pytest.raises(EngineError, match="out of memory"):
            do(chat, "tell me")
        assert transcript(chat) == []


def test_it_is_said_where_what_is_written_goes() -> None:
    with engine() as script, closing(opened(script)) as chat:
        place = script.url.removeprefix("http://")
        assert f"what you write goes to {place}" in chat.pop_notes()
        assert chat.model.weights == f"llama-server at {place}"
        assert chat.model.short == "tiny.gguf"
        assert chat.session.context_length == N_CONTEXT


def test_the_demos_template_is_the_files_where_the_engine_has_none() -> None:
    with engine() as script, closing(opened(script)) as chat:
        here = read_files(place_of("demo")).template
        assert chat.setting("template") == here


@pytest.mark.parametrize("where", ["variable", "file"])
def test_a_key_is_sent_and_kept_nowhere(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPU_KEY", KEY)
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    file.chmod(0o600)
    flags: dict[str, Any] = (
        {"engine_key_env": "GPU_KEY"} if where == "variable" else {"engine_key_file": str(file)}
    )
    wrong = saying({"error": {"message": f"what is {KEY}?"}}, 400)
    with engine(says("Yes."), wrong) as script, closing(opened(script, **flags)) as chat:
        do(chat, "tell me")
        with pytest.raises(EngineError) as refused:
            do(chat, "more")
        assert set(script.keys) == {f"Bearer {KEY}"}
        assert KEY not in str(refused.value)
        do(chat, f"/export {tmp_path / 'out.json'}")
    written = [p for p in (*data_dir().rglob("*"), tmp_path / "out.json") if p.is_file()]
    assert len(written) > 1
    assert not [path for path in written if KEY.encode() in path.read_bytes()]


def test_a_key_goes_to_the_engine_that_it_was_named_with_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GPU_KEY", KEY)
    names = saying({"tokens": []})
    with engine() as first, engine(**{"/tokenize": names}) as second:
        with closing(opened(first, engine_key_env="GPU_KEY")) as chat:
            with pytest.raises(ChatError):  # its vocabulary is none, which doesn't matter here
                do(chat, f"/model {second.url}")
            assert second.asked
            assert set(second.keys) == {""}
            n = len(first.asked)
            with pytest.raises(ChatError):
                do(chat, f"/model {first.url}#/models/tiny.gguf")
            assert len(first.asked) > n
        assert set(first.keys) == {f"Bearer {KEY}"}


@pytest.mark.skipif(os.name != "posix", reason="files have no modes")
def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(0o644)
    with engine() as script, pytest.raises(UsageError, match="others can read") as refused:
        opened(script, engine_key_file=str(file))
    assert KEY not in str(refused.value)
    assert script.asked == []


def test_a_key_that_is_not_there_is_told() -> None:
    with engine() as script, pytest.raises(UsageError, match="has no GPU_KEY_OF_NOBODY"):
        opened(script, engine_key_env="GPU_KEY_OF_NOBODY")


def test_files_are_held_against_the_engines_tokens() -> None:
    same, other = tokens_of("\n".join(PROBES)), saying({"tokens": [5, 6]})
    with engine(**{"/tokenize": same}) as script, closing(opened(script)) as chat:
        assert not [note for note in chat.pop_notes() if "doesn't tell its tokens" in note]
    with engine(**{"/tokenize": other}) as script, pytest.raises(ModelError) as refused:
        opened(script)
    assert refused.value.hint is Advice.NAME_TOKENIZER
    with engine() as script, closing(opened(script)) as chat:
        assert [note for note in chat.pop_notes() if "doesn't tell its tokens" in note]


def test_words_that_are_no_model_are_told_from_a_prompt() -> None:
    with engine() as script, pytest.raises(ModelError, match="no such model") as refused:
        opened(script, model="tell me a joke")
    assert refused.value.hint is Advice.MARK_PROMPT


def test_a_model_that_the_environment_names_is_not_the_engines() -> None:
    environ = {"LLAMA2NCNN_MODEL": "other.gguf"}
    with engine() as script:
        options = options_of({"engine": script.url}, environ, Path("/none"))
    assert "model" not in options.given
    assert "model" in options_of({}, environ, Path("/none")).given


@pytest.mark.parametrize("pause", [0.0, 0.1])
def test_drafts_are_counted_where_that_is_quick(pause: float) -> None:
    class Engine:
        def encode(self, text: str) -> list[int]:
            time.sleep(pause)
            return []

    assert remote._is_quick(Engine()) == (not pause)  # type: ignore[arg-type]
    with engine() as script, closing(opened(script)) as chat:
        assert chat.view.count(Message("hello")) == chat.session.count("hello")
        chat.chat_model = replace(chat.chat_model, counts_drafts=False)
        assert chat.view.count(Message("hello")) is None


def test_drafts_are_counted_in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []

    def count(_text: str) -> int:
        counted.append(in_haste())
        return 1

    with engine() as script, closing(opened(script)) as chat:
        monkeypatch.setattr(chat.session, "count", count)
        assert chat.view.count(Message("hello")) == chat.session.count("hello")
    assert counted == [True, False]


def test_a_context_is_at_most_the_engines() -> None:
    with engine() as script:
        with closing(opened(script, ctx_size="100")) as chat:
            assert chat.session.context_length == 100
        with pytest.raises(UsageError, match="the engine has one of 512"):
            opened(script, ctx_size="513")


def test_a_reply_fits_a_schema_from_its_first_token_on() -> None:
    with engine(says('{"a": 1}')) as script, closing(opened(script)) as chat:
        do(chat, f"/set schema {SCHEMA.path}")
        do(chat, "hello")
        assert script.bodies("/completion")[0]["json_schema"] == json.loads(SCHEMA.text)
        with pytest.raises(ChatError, match="that has begun"):
            do(chat, "/continue")
        assert transcript(chat) == ["hello", '{"a": 1}']
        assert len(script.bodies("/completion")) == 1


def test_a_stop_leaves_what_came_and_a_chat_that_is_free() -> None:
    """While the engine still says nothing."""
    stopped, shown = threading.Event(), threading.Event()
    *said, _ = says("It was").pieces
    silent = Answer([*said, lambda: shown.wait(20), stopped.set, SILENCE])
    with engine(silent, says("Yes.")) as script, closing(opened(script)) as chat:
        for _ in chat.send("tell me", cancelled=stopped.is_set):
            if transcript(chat)[1:] == ["It was"]:
                shown.set()
        assert script.hung_up.wait(20)
        assert not chat.view.busy
        assert chat.session.ledger.path()[-1].finish == "cancelled"
        do(chat, "and?")
        assert transcript(chat) == ["tell me", "It was", "and?", "Yes."]


def test_a_model_here_takes_its_place() -> None:
    with (
        engine(says("Far."), says("Far again.")) as script,
        closing(opened(script, max_tokens="4", threads="1")) as chat,
    ):
        do(chat, "one")
        do(chat, "/model demo")
        assert isinstance(chat._completer, LocalCompleter)
        assert chat.setting("threads") == "1"
        do(chat, "two")
        assert len(script.bodies("/completion")) == 1
