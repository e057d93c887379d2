"""Replies that fit a JSON schema in all faces, and what is said of one that was cut."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from textual.widgets import Static

from llama2ncnn_chat.cli import main
from tests.chatting import make_chat, transcript
from tests.ui.repl.talking import talk
from tests.ui.tui import scripted
from tests.ui.tui.stage import Stage, play

ANSWER = {"enum": ["yes", "no"]}


@pytest.fixture
def schema(tmp_path: Path) -> str:
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(ANSWER))
    return str(path)


def fits(text: str) -> bool:
    jsonschema.validate(json.loads(text), ANSWER)
    return True


@pytest.mark.parametrize("command", [("-p",), ("--raw", "-p")])
@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_one_shot(
    stem: str, schema: str, command: tuple[str, ...], seed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([stem, *command, "hello", "--json-schema", schema, "--seed", seed]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert fits(out)


def test_one_shot_says_that_it_was_cut(
    stem: str, schema: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags in ((), ("--raw",)):
        assert main([stem, "-p", "hello", "--json-schema", schema, "-n", "2", *flags]) == 0
        assert capsys.readouterr().err == "llama2ncnn-chat: the JSON isn't whole\n"


def test_a_bad_schema_ends_the_program_before_the_model_is_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.json").write_text('{"type": 1}')
    assert main(["no-such-model", "-p", "x", "--json-schema", str(tmp_path / "bad.json")]) == 2
    assert f"{tmp_path}/bad.json: can't be used as a JSON schema" in capsys.readouterr().err


def test_line_by_line(schema: str, capsys: pytest.CaptureFixture[str]) -> None:
    chat = make_chat()
    talk(chat, f"hello\n/set schema {schema}\nhello\n/set max_tokens 3\nhello\n")
    assert transcript(chat)[1].strip() == "You said hello."
    assert fits(transcript(chat)[3])
    assert (
        "max_tokens 3 reached, the JSON isn't whole; /continue goes on" in capsys.readouterr().err
    )


def test_on_the_screen(schema: str) -> None:
    async def scene(stage: Stage) -> None:
        await stage.send(f"/set schema {schema}")
        await stage.send("hello")
        assert fits(stage.said[-1])
        await stage.send("/set max_tokens 3")
        await stage.send("hello")
        feet = [str(foot.render()) for foot in stage.screen.query(".foot").results(Static)]
        assert feet[-1:] == ["reached max_tokens, the JSON isn't whole"]

    play(scripted.make_chat(scripted.Script(['"no"'])), scene)
