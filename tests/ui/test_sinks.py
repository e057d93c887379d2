"""A reply with reasoning in it, as a one-shot run writes it: to a person, and to a program."""

from __future__ import annotations

import json

import pytest

from llama2ncnn_chat.events import (
    Event,
    ReadAgain,
    Row,
    TextDelta,
    Timings,
    TurnAdded,
    TurnFinished,
)
from llama2ncnn_chat.ui.sinks import make_sink

PIECES = ("<thi", "nk>\nhm", "\n</think>", "\n\nyes")
TEXT = "".join(PIECES)


def written(
    capsys: pytest.CaptureFixture[str],
    *pieces: str,
    begun: bool = False,
    as_json: bool = False,
    as_ndjson: bool = False,
    dims: bool = False,
) -> str:
    """What a sink makes of a reply of these pieces."""
    row = Row(2, "assistant", "", 1, reasoning_begun=begun)
    end = Row(2, "assistant", "".join(pieces), 1, reasoning_begun=begun)
    events: list[Event] = [TurnAdded(row), *(TextDelta(piece, (5,)) for piece in pieces)]
    events.append(TurnFinished("stop", (5,), Timings(), end))
    sink = make_sink(dict, as_json=as_json, as_ndjson=as_ndjson, dims=dims)
    for event in events:
        sink.feed(event)
    return capsys.readouterr().out


def test_a_program_reads_the_exact_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert written(capsys, *PIECES) == f"{TEXT}\n"
    lines = written(capsys, *PIECES, as_ndjson=True).splitlines()
    assert "".join(json.loads(line).get("text", "") for line in lines) == TEXT


def test_what_is_read_again_is_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    make_sink(dict, as_json=False, as_ndjson=True).feed(ReadAgain(34))
    assert json.loads(capsys.readouterr().out) == {"event": "read_again", "tokens": 34}


def test_a_person_sees_it_dim_and_without_tags(capsys: pytest.CaptureFixture[str]) -> None:
    assert written(capsys, *PIECES, dims=True) == "\x1b[2mhm\x1b[0m\n\nyes\n"
    shown = written(capsys, "hm</thi", "nk>", "yes", begun=True, dims=True)
    assert shown == "\x1b[2mhm\x1b[0m\n\nyes\n"
    assert written(capsys, " <thi", "s>", dims=True) == " <this>\n"
    assert written(capsys, "<thin", dims=True) == "<thin\n"


def test_json_has_it_apart_too_where_there_is_any(capsys: pytest.CaptureFixture[str]) -> None:
    body = json.loads(written(capsys, *PIECES, as_json=True))
    assert (body["text"], body["reasoning"], body["answer"]) == (TEXT, "\nhm\n", "\n\nyes")
    assert "reasoning" not in json.loads(written(capsys, "<think></think>yes", as_json=True))
