"""A chat with a server that takes messages: what goes out after each thing that a person does."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from llama2ncnn_chat.chat.line import Message
from llama2ncnn_chat.chat.outcomes import Attach, Generate, Say
from llama2ncnn_chat.chat.phrases import ended
from llama2ncnn_chat.chat.turn_actions import weigh
from llama2ncnn_chat.cli import main
from llama2ncnn_chat.errors import Advice, ChatError, EngineError, ModelError
from llama2ncnn_chat.generation.completer import never
from llama2ncnn_chat.launch.open_chat import open_chat
from llama2ncnn_chat.launch.options import options_of
from llama2ncnn_chat.launch.remote import COST
from llama2ncnn_chat.text.messages import MESSAGES
from llama2ncnn_chat.text.templates.marked import template_of
from tests.chat.asked import complaint, only, said
from tests.chatting import do, transcript
from tests.launch.messages import opened, server, talking
from tests.launch.test_switching import step
from tests.launch.values import SCHEMA
from tests.remote.engine_server import Answer, Script
from tests.remote.messages import PATH, breaks_off, chunk, done, says, usage


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


def test_no_face_is_told_how_many_bytes_there_are() -> None:
    untold = done(chunk(content="another"), chunk("length"))
    with talking(says("a reply"), untold) as (chat, _):
        view = chat.view
        assert (view.context_length, view.n_used(), view.count(Message("hello"))) == (None,) * 3
        do(chat, "hello")
        assert (view.context_length, view.n_used()) == (None, None)
        assert "15 tokens after the last reply, as the engine counts" in said(chat, "/show")
        assert said(chat, "/context").startswith("15 tokens")
        stats = said(chat, "/stats")
        assert [n for n in ("4 tokens", "3 tokens", "8 were in the cache") if n not in stats] == []
        do(chat, "again")  # and now nobody has counted
        assert "token" not in said(chat, "/context").replace("not the tokens behind it", "")
        stats = said(chat, "/stats").replace("not the tokens behind it", "")
        assert "first text" in stats
        assert "token" not in stats


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
        assert "template of its own" in complaint(chat, "/set template llama3")
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


def test_an_end_at_the_servers_limit_is_no_full_context_here() -> None:
    cut = done(chunk(content="It was a"), chunk("length"), usage())
    with talking(cut, says(" night."), cut) as (chat, script):
        do(chat, "tell me")
        row = chat.view.rows()[-1]
        assert (row.finish, row.max_tokens_reached, row.are_tokens) == ("length", None, False)
        assert ended(row) == "reached the engine's own limit; /continue goes on"
        do(chat, "/continue")
        assert transcript(chat)[-1] == "It was a night."
        do(chat, "/set max_tokens 3")
        do(chat, "more")
        assert chat.view.rows()[-1].max_tokens_reached == 3
    assert [body.get("max_tokens") for body in script.bodies(PATH)] == [None, None, 3]


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


def test_one_shot_json_has_no_counts_but_the_servers(capfd: pytest.CaptureFixture[str]) -> None:
    asked = ["-p", "hello", "--no-save", "--engine"]
    uncounted = done(chunk(content="hé"), chunk("stop"))
    cut = done(chunk(content="hé"), chunk("length"))
    with server(says("hé"), uncounted, says("hé"), uncounted, says("hé"), cut) as script:
        assert main([*asked, script.url, "--json", "--logprobs", "2"]) == 0
        out, err = capfd.readouterr()
        told = json.loads(out)
        assert (told["text"], told["timings"]["predicted_n"]) == ("hé", 3)
        assert "logprobs" not in told
        assert "--logprobs has no effect" in err
        assert err.count(COST) == 1
        assert main([*asked, script.url, "--json"]) == 0
        assert json.loads(capfd.readouterr().out)["timings"].keys() == {"prompt_ms", "predicted_ms"}
        assert main([*asked, script.url, "--ndjson"]) == 0
        events = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
        assert [e["text"] for e in events if e["event"] == "text"] == ["h", "é"]
        assert not [e for e in events if "ids" in e or e["event"] == "prefill"]
        assert main([*asked, script.url, "--stats"]) == 0
        err = capfd.readouterr().err
        assert "first text after" in err
        assert "tok/s" not in err
        assert main([*asked, script.url, "--stats"]) == 0
        assert "generated 3 tokens" in capfd.readouterr().err
        assert main([*asked, script.url]) == 0
        assert "reached the engine's own limit: the text ends here" in capfd.readouterr().err


def test_an_export_has_no_counts_of_bytes(tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    with talking(done(chunk(content="hi"), chunk("stop")), logprobs="2") as (chat, _):
        do(chat, "hello")
        (outcome,) = do(chat, f"/export {file}")
        assert isinstance(outcome, Say)
        assert "no logprobs: the engine tells text" in outcome.text
    (_, reply) = json.loads(file.read_text())["messages"]
    assert reply["timings"].keys() == {"prompt_ms", "predicted_ms"}
    assert "logprobs" not in reply
