"""What of a reply is counted that a server sends as text: what it tells, and nothing else."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from llama2ncnn_chat.chat.line import Message
from llama2ncnn_chat.chat.outcomes import Say
from llama2ncnn_chat.chat.phrases import NO_TOKENS, ended
from llama2ncnn_chat.cli import main
from llama2ncnn_chat.launch.remote import COST
from tests.chat.asked import said
from tests.chatting import do, transcript
from tests.launch.messages import opened, server, talking
from tests.launch.test_switching import opened as opened_here
from tests.remote.messages import PATH, USAGE, chunk, done, says, usage


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


def test_an_end_at_the_servers_limit_is_no_full_context_here() -> None:
    cut = done(chunk(content="It was a"), chunk("length"), usage())
    with talking(cut, says(" night.")) as (chat, script):
        do(chat, "tell me")
        row = chat.view.rows()[-1]
        assert (row.finish, row.max_tokens_reached, row.are_tokens) == ("length", None, False)
        assert ended(row) == "reached the engine's own limit; /continue goes on"
        do(chat, "/continue")
        assert transcript(chat)[-1] == "It was a night."
    assert [body.get("max_tokens") for body in script.bodies(PATH)] == [None, None]


@pytest.mark.parametrize(
    ("told", "reached", "words"),
    [
        (5, 5, "max_tokens 5 reached; /continue goes on"),
        (4, None, "reached the engine's own limit; /continue goes on"),
        (None, None, "reached max_tokens or the engine's own limit; /continue goes on"),
    ],
)
def test_the_limit_goes_by_the_tokens_that_are_told(
    told: int | None, reached: int | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = [] if told is None else [usage({**USAGE, "completion_tokens": told})]
    cut = done(chunk(content="eight of"), chunk("length"), *counts)
    asked = ["-p", "tell me", "--max-tokens", "5", "--no-save", "--engine"]
    with talking(cut, cut, max_tokens="5") as (chat, script):
        do(chat, "tell me")
        row = chat.view.rows()[-1]
        assert (row.finish, row.max_tokens_reached, ended(row)) == ("length", reached, words)
        assert main([*asked, script.url]) == 0
        err = capsys.readouterr().err
        assert ("the text ends here" in err) is (reached is None)
        assert words.partition(";")[0] in err or reached
    with server() as script, closing(opened(script, resume="1")) as chat:
        assert ended(chat.view.rows()[-1]) == words


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


def test_a_count_is_that_of_a_reply_in_one_piece() -> None:
    cut = done(chunk(content="It was a"), chunk("length"), usage())
    rest = done(chunk(content=" night."), chunk("stop"), usage(USAGE))
    with talking(cut, rest) as (chat, _):
        do(chat, "tell me")
        assert said(chat, "/context").startswith("15 tokens")
        do(chat, "/continue")  # whose prompt has what was counted before
        assert said(chat, "/context") == NO_TOKENS
        assert "as the engine counts" not in said(chat, "/show")


def test_what_a_model_here_has_counted_is_not_the_servers_count() -> None:
    with server() as script, closing(opened_here(model="demo")) as chat:
        do(chat, "tell me")
        do(chat, f"/model {script.url}")
        assert said(chat, "/context") == NO_TOKENS
