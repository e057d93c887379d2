"""A chat with a server that takes messages: what goes out after each thing that a person does."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from llama2ncnn_chat.chat.outcomes import Attach, Generate
from llama2ncnn_chat.chat.turn_actions import weigh
from llama2ncnn_chat.cli import main
from llama2ncnn_chat.errors import Advice, ChatError, EngineError, ModelError
from llama2ncnn_chat.generation.completer import never
from llama2ncnn_chat.launch.open_chat import open_chat
from llama2ncnn_chat.launch.options import options_of
from llama2ncnn_chat.launch.remote import COST
from llama2ncnn_chat.paths import config_file
from llama2ncnn_chat.text.messages import MESSAGES
from llama2ncnn_chat.text.templates.marked import template_of
from tests.chat.asked import complaint, only, said
from tests.chatting import do, transcript
from tests.launch.messages import opened, server, talking
from tests.launch.test_switching import step
from tests.launch.values import SCHEMA
from tests.remote.engine_server import Answer, Script
from tests.remote.messages import PATH, breaks_off, says


def sent(script: Script) -> list[list[str]]:
    """The messages of each request, a word for the role before each text."""
    return [
        [f"{each['role'][0]}: {each['content']}" for each in body["messages"]]
        for body in script.bodies(PATH)
    ]


def test_what_goes_out_is_what_stands_there() -> None:
    replies = ("one", "two", "three", "four", "five", " night", "seven", "eight")
    with talking(*map(says, replies), system="be brief") as (chat, script):
        for line in ("a", "b", "/regen", "/undo", "c\nd", "/edit e <|user|>", "/begin It was", "f"):
            do(chat, line)
        do(chat, '/begin ""')
        do(chat, "/fork")
        do(chat, "g")
        do(chat, "/system be long")
        do(chat, "h")
        assert transcript(chat)[-5:] == ["It was night", "g", "seven", "h", "eight"]
    brief, before = "s: be brief", ["u: a", "a: one"]
    assert sent(script) == [
        [brief, "u: a"],
        [brief, *before, "u: b"],
        [brief, *before, "u: b"],
        [brief, *before, "u: c\nd"],
        [brief, *before, "u: e <|user|>"],
        [brief, *before, "u: e <|user|>", "a: five", "u: f", "a: It was"],
        [brief, *before, "u: e <|user|>", "a: five", "u: f", "a: It was night", "u: g"],
        ["s: be long", *before, "u: e <|user|>", "a: five", "u: f", "a: It was night", "u: g",
         "a: seven", "u: h"],
    ]  # fmt: skip


def test_an_edited_reply_is_gone_on_with_and_one_that_broke_off_too() -> None:
    replies = (breaks_off("It was a 日"), says(" dark night."), says(", I think."))
    with talking(*replies) as (chat, script):
        with pytest.raises(EngineError) as broken:
            do(chat, "tell me")
        assert broken.value.hint is Advice.GO_ON_LATER
        do(chat, "/continue")
        assert transcript(chat) == ["tell me", "It was a 日 dark night."]
        do(chat, "/amend It was a day")
        assert transcript(chat) == ["tell me", "It was a day, I think."]
    assert [messages[1:] for messages in sent(script)] == [
        [],
        ["a: It was a 日"],
        ["a: It was a day"],
    ]


def test_it_is_said_where_it_goes_and_what_it_costs() -> None:
    with talking() as (chat, script):
        place = script.url.removeprefix("http://")
        assert chat.pop_notes() == [
            f"what you write goes to {place}",
            COST,
            "small answers; --model NAME takes another: large",
        ]
        assert (chat.model.short, chat.model.weights) == ("small", f"ollama 0.13.1 at {place}")
    with talking(engine_model="large") as (chat, _):
        assert chat.pop_notes()[2:] == []
        assert chat.model.short == "large"


def test_what_has_no_effect_is_said() -> None:
    flags = {"template": "zephyr", "ctx_size": "64", "model": "demo"}
    with (
        server(says("ok")) as script,
        closing(opened(script, engine_model="small", **flags)) as chat,
    ):
        (note,) = chat.pop_notes()[2:]
        assert note == "--template, --ctx-size, MODEL: without effect, ollama 0.13.1 has its own"
        do(chat, "hello")
        assert chat.settings.template == MESSAGES
    with server() as script, pytest.raises(ModelError) as refused:
        opened(script, model="tell me a joke")
    assert refused.value.hint is Advice.MARK_PROMPT


def test_a_preset_of_another_context_is_not_told_to_open_that() -> None:
    file = config_file()
    file.parent.mkdir(parents=True)
    file.write_text("[preset.long]\nctx_size = 99\ntop_k = 7")
    with talking() as (chat, _):
        assert said(chat, "/preset long") == "preset long: top_k 7"


def test_what_goes_by_tokens_is_refused_in_words(tmp_path: Path) -> None:
    with talking(says("a reply")) as (chat, script):
        do(chat, "hello")
        for line in ("/tokens",):
            assert "not the tokens" in complaint(chat, line)
        with pytest.raises(ChatError, match="not the tokens"):
            do(chat, "/replay")
        (reply,) = [row for row in chat.view.rows() if row.role == "assistant"]
        (outcome,) = weigh(chat, reply)
        assert isinstance(outcome, Generate)
        with pytest.raises(ChatError, match="not the tokens"):
            next(outcome.start(cancelled=never))
        refusal = complaint(chat, "/set template llama3")
        assert "template of its own" in refusal
        assert "/model NAME opens one" in refusal
        assert len(script.bodies(PATH)) == 1


def test_a_reply_fits_a_schema_from_its_beginning_on() -> None:
    with talking(says("[]"), says("[")) as (chat, script):
        do(chat, f"/set schema {SCHEMA.path}")
        do(chat, "hello")
        assert not chat.view.rows()[-1].json_cut
        with pytest.raises(ChatError, match="takes a model that runs here"):
            do(chat, "/continue")
        do(chat, "again")
        assert chat.view.rows()[-1].json_cut
    asked = script.bodies(PATH)[0]["response_format"]
    assert asked["json_schema"]["schema"] == json.loads(SCHEMA.text)


def test_a_text_without_a_template_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with server() as script:
        assert main(["--raw", "demo", "-p", "Once", "--engine", script.url]) == 2
        assert script.bodies(PATH) == []
    assert "takes messages, and no text without a template" in capsys.readouterr().err


def test_a_file_that_goes_along_is_not_counted(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("some notes")
    with talking() as (chat, _):
        assert only(Attach, list(do(chat, f"/read {file}"))).about == str(file)


def test_a_session_goes_on_with_any_such_server() -> None:
    with talking(says("one"), system="be brief") as (chat, _):
        do(chat, "a")
    nobody = {"/api/version": Answer([], 404)}
    with server(says("two"), **nobody) as second, closing(opened(second, resume="1")) as chat:
        assert "like OpenAI's" in chat.model.weights
        do(chat, "b")
        assert chat.session_id == 1
        assert transcript(chat) == ["a", "one", "b", "two"]
    assert sent(second) == [["s: be brief", "u: a", "a: one", "u: b"]]


def test_a_model_here_goes_on_in_a_copy_and_the_server_after_it() -> None:
    flags = {"max_tokens": "4", "threads": "1", "temperature": "0"}
    with talking(says("one"), says("three"), **flags) as (chat, script):
        do(chat, "a")
        do(chat, "/model demo")
        assert chat.settings.template != MESSAGES
        do(chat, "b")
        assert chat.session_id == 2
        local = transcript(chat)[-1]
        (*_, reply) = chat.session.ledger.path()
        assert max(reply.ids) >= 256 or bytes(reply.ids).decode(errors="ignore") != reply.text
        do(chat, f"/model {script.url}")
        do(chat, "c")
        assert chat.session_id == 3
        assert transcript(chat) == ["a", "one", "b", local, "c", "three"]
    assert sent(script)[-1] == ["u: a", "a: one", "u: b", f"a: {local}", "u: c"]
    with closing(
        open_chat(options_of({**flags, "model": "demo"}, {}, Path("/none")), step)
    ) as here:
        do(here, "/load 1")
        assert here.settings.template == here.chat_model.template != MESSAGES
        assert transcript(here) == ["a", "one"]
        do(here, "b")
        assert transcript(here)[-1] == local


def test_the_template_that_was_named_is_that_of_a_model_here() -> None:
    flags = {"max_tokens": "4", "threads": "1", "template": "chatml"}
    with talking(says("one"), says("three"), **flags) as (chat, script):
        do(chat, "a")
        for named in ("chatml", "plain"):
            assert chat.settings.template == MESSAGES
            do(chat, "/model demo")
            assert chat.settings.template == template_of(named)
            do(chat, "b")
            message = chat.session.ledger.last("user")
            assert message
            assert b"<|user|>" not in b"".join(map(chat.vocabulary.piece, message.ids))
            do(chat, "/new")
            assert said(chat, "/set template plain") == "template plain"
            do(chat, f"/model {script.url}")
