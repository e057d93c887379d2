"""The program's own ``--engine`` and its own server: what comes is what the engine alone gives."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from llama2ncnn_chat.cli import main
from llama2ncnn_chat.events import TextDelta
from llama2ncnn_chat.generation.completer import never
from llama2ncnn_chat.launch.open_chat import open_chat
from llama2ncnn_chat.launch.options import options_of
from tests.chatting import do, transcript
from tests.launch.test_switching import step
from tests.remote.messages_only import messages_only
from tests.serve.serving import measured, served, until


def test_a_chat_by_way_of_a_server_is_the_chat_itself(capfd: pytest.CaptureFixture[str]) -> None:
    asked = ["demo", "-p", "hello, my name is Ann", "--no-save", "--temp", "0"]
    assert main(asked) == 0
    alone = capfd.readouterr().out
    with served() as url:
        assert main([*asked, "--engine", url]) == 0
        assert capfd.readouterr().out == alone != ""
        assert main([*asked, "--engine", url, "--logprobs", "2", "--json"]) == 0
        told = json.loads(capfd.readouterr().out)["logprobs"]
        assert "".join(each["token"] for each in told) == alone.strip()


def test_a_reply_by_way_of_a_server_fits_the_schema_that_it_would_here(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "schema.json"
    file.write_text('{"type": "array", "items": {"enum": ["red", "blue"]}, "maxItems": 3}')
    asked = ["demo", "-p", "which colours?", "--no-save", "--temp", "0", "-n", "60"]
    asked += ["--json-schema", str(file)]
    assert main(asked) == 0
    alone = capfd.readouterr().out
    assert set(json.loads(alone)) <= {"red", "blue"}
    with served() as url:
        assert main([*asked, "--engine", url]) == 0
        assert capfd.readouterr().out == alone


LINES = (
    *("hello, my name is Ann", "what is my name?", "/regen", "/undo", "tell me a story"),
    *("/edit tell me a story of a cat", "/begin Once", "and then?"),
)


def texts(url: str, **flags: str) -> list[list[str]]:
    """What stands there after each line."""
    typed = {"engine": url, "temperature": "0", "max_tokens": "40", **flags}
    options = options_of(typed, {}, Path("/none"))
    with closing(open_chat(options, step)) as chat:
        told = []
        for line in LINES:
            do(chat, line)
            told.append(transcript(chat))
        return told


def test_messages_come_to_the_same_as_ids() -> None:
    with served() as url, messages_only(url) as by_messages:
        told = texts(by_messages)
        assert told == texts(url, model="demo")
    assert all(told[-1])


def test_a_stop_by_way_of_messages_stops_the_engine() -> None:
    flags = {"temperature": "2", "min_p": "0", "top_k": "0", "top_p": "1"}  # finds no end
    with served() as url, messages_only(url) as by_messages:
        options = options_of({"engine": by_messages, **flags}, {}, Path("/none"))
        with closing(open_chat(options, step)) as chat:
            events = chat.send("tell me", cancelled=never)
            next(event for event in events if isinstance(event, TextDelta) and event.text)
            events.close()
            assert chat.view.rows()[-1].finish == "cancelled"
            until(lambda: measured(url, "llama2ncnn_running") == 0)
