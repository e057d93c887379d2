"""Replies that begin with words or were edited, in one-shot answers and the line editor."""

from __future__ import annotations

import json

import pytest

from llama2ncnn_chat.cli import main
from llama2ncnn_chat.storage.store import Store
from tests.chatting import make_chat, transcript
from tests.ui.repl.talking import talk


def test_a_begun_answer_is_its_whole_text(stem: str, capsys: pytest.CaptureFixture[str]) -> None:
    flags = [stem, "-p", "hello", "-n", "5", "--seed", "1", "--begin", "So: "]
    assert main(flags) == 0
    text = capsys.readouterr().out
    assert text.startswith("So: ")
    assert main([*flags, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["text"] + "\n", result["begun"]) == (text, "So: ")
    assert result["timings"]["predicted_n"] == 5
    assert main([*flags, "--ndjson"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    said = "".join(each["text"] for each in events if each["event"] in ("begin", "text"))
    assert said + "\n" == text
    assert [each["event"] for each in events].count("begin") == 1
    store = Store.open()
    reply = store.resume(1).ledger.path()[1]
    store.close()
    assert reply.text + "\n" == text
    assert reply.runs[0].n_begun == reply.runs[0].start == len(reply.ids) - 5


def test_words_too_long_for_the_context_are_refused(
    stem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([stem, "-p", "hello", "--begin", "x " * 200]) == 4
    assert "room for" in capsys.readouterr().err


def test_the_line_editor_shows_the_words_and_edits_a_reply(
    capsys: pytest.CaptureFixture[str],
) -> None:
    chat = make_chat()
    talk(chat, "/begin You said\nhello\n/amend\nYou\n", label="> ")
    out = capsys.readouterr().out
    assert out.count("You said hello.") == 3  # as it was said, as it is to be edited, and again
    assert "edit> " in out
    assert transcript(chat) == ["hello", "You said hello."]
    reply = chat.session.ledger.path()[1]
    assert len(chat.session.ledger.alternatives(reply)) == 2
