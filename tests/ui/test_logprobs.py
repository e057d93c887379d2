"""Probabilities of tokens in JSON, against the float64 forward pass over the ids of the session."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from convert.streams import printable
from llama2ncnn_chat.chat.logprobs import NEVER, Logprobs
from llama2ncnn_chat.cli import main
from llama2ncnn_chat.events import Choice
from llama2ncnn_chat.storage.store import Store
from tests.fakes import EOS, ByteTokenizer
from tests.model.tiny_engine import log_softmax
from tests.tiny_model import forward, random_weights
from tests.ui.conftest import CONFIG

WEIGHTS = random_weights(CONFIG, 3)
FLAGS = ("-n", "10", "--temp", "1.5", "--seed", "4", "--logprobs", "3")
BOS = 1


def check(tokens: list[dict[str, Any]], before: list[int]) -> bytes:
    """Hold each token and its runners-up against float64; returns the bytes of all."""
    ids = [*before, *(token["id"] for token in tokens)]
    rows = log_softmax(forward(CONFIG, WEIGHTS, ids))[len(before) - 1 : -1]
    for token, row in zip(tokens, rows, strict=True):
        top = token["top_logprobs"]
        assert [each["id"] for each in top] == [int(i) for i in np.argsort(-row)[:3]]
        for each in (token, *top):
            assert each["logprob"] == pytest.approx(row[each["id"]], abs=1e-4)
            assert each["token"] == bytes(each["bytes"]).decode("utf-8", "replace")
    return b"".join(bytes(token["bytes"]) for token in tokens)


def test_a_reply_and_the_one_after_it(stem: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([stem, "-p", "hello", "--json", *FLAGS]) == 0
    first = json.loads(capsys.readouterr().out)
    assert main(["-c", "-p", "and", "--ndjson", *FLAGS]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    store = Store.open()
    asked, said, asked_again, said_again = store.resume(1).ledger.path()
    store.close()
    assert [token["id"] for token in first["logprobs"]] == said.ids
    assert check(first["logprobs"], asked.ids).decode("utf-8", "replace") == first["text"]
    texts = [event for event in events if event["event"] == "text" and event["ids"]]
    assert all([t["id"] for t in event["logprobs"]] == event["ids"] for event in texts)
    later = [token for event in texts for token in event["logprobs"]]
    assert [token["id"] for token in later] == said_again.ids
    check(later, [*asked.ids, *said.ids, EOS, *asked_again.ids])


@pytest.mark.parametrize("prompt", ["", "ab"])
def test_a_completion(stem: str, prompt: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([stem, "--raw", "-p", prompt, "--json", *FLAGS]) == 0
    result = json.loads(capsys.readouterr().out)
    space, a = 259, 260  # as ``write_tokenizer`` has them, and its prefix
    before = [BOS, space, a, a + 1] if prompt else [BOS]
    assert check(result["logprobs"], before).decode("utf-8", "replace") == result["text"]
    assert main([stem, "--raw", "-p", prompt, "--json", *FLAGS[:-2]]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == result["text"]


def test_without_json_a_line_says_that_there_are_none(
    stem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([stem, "-p", "hello", *FLAGS]) == 0
    out, err = capsys.readouterr()
    assert "logprob" not in out
    assert "--logprobs has no effect without --json or --ndjson" in printable(err)


def test_more_than_there_are_is_refused(stem: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([stem, "-p", "hello", "--json", "--logprobs", "11"]) == 2
    assert "0 to 10" in capsys.readouterr().err


def test_bytes_of_a_split_character_and_what_is_never_likely() -> None:
    e, acute = (byte + 3 for byte in "é".encode())
    logprobs = Logprobs(ByteTokenizer(), 2, begins=True)
    space = ord(" ") + 3
    choices = [
        Choice(space, 0.5, ((space, 0.5), (e, 0.25), (EOS, 0.125))),
        Choice(e, 0.0, ((space, 1.0),)),
        Choice(acute, 1.0, ((acute, 1.0),)),
    ]
    first, second, third = map(logprobs.of, choices)
    assert (first["bytes"], first["logprob"]) == ([], math.log(0.5))
    assert [each["id"] for each in first["top_logprobs"]] == [space, e]
    assert (second["token"], second["logprob"]) == ("\ufffd", NEVER)
    assert second["top_logprobs"][0]["bytes"] == [ord(" ")]  # only the first is told apart
    assert bytes([*second["bytes"], *third["bytes"]]).decode() == "é"
