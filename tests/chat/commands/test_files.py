"""The commands that copy, read a file, or write one."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, cast, get_args

import pytest

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.chat.completion import suggest
from llama2ncnn_chat.chat.outcomes import Ask, Attach, Copy
from llama2ncnn_chat.chat.turn_actions import act, code_blocks
from llama2ncnn_chat.conversation.settings import OnFull, Settings
from llama2ncnn_chat.storage.store import Store
from tests.chat.asked import complaint, only, said
from tests.chatting import TOKENIZER, answering, do, echo, make_chat, transcript


def test_copy_takes_replies_by_age(talked: Chat) -> None:
    assert only(Copy, list(do(talked, "/copy"))).text == "You said again."
    assert only(Copy, list(do(talked, "/copy 2"))).text == "You said hello."
    assert "there are 2" in complaint(talked, "/copy 3")
    assert "no block of code" in complaint(talked, "/copy code")


def test_copy_code_takes_the_inside_of_a_block() -> None:
    chat = make_chat(answering(lambda _: "See:\n```py\na = 1\n```\nor\n~~~\nb\n~~~\nend"))
    do(chat, "code?")
    assert only(Copy, list(do(chat, "/copy code 1"))).text == "a = 1\n"
    assert only(Copy, list(do(chat, "/copy code"))).text == "b\n"


def test_an_open_block_goes_to_the_end() -> None:
    assert code_blocks("x\n```\na\nb") == ["a\nb"]


def test_read_counts_and_attaches(chat: Chat, tmp_path: Path) -> None:
    (tmp_path / "a b.txt").write_text("some text\n")
    attached = only(Attach, list(do(chat, f"/read {tmp_path}/a b.txt")))
    assert attached.text == "some text"
    do(chat, f"/read '{tmp_path}/a b.txt' what is it?")
    assert transcript(chat)[0] == "some text\n\nwhat is it?"


def test_read_refuses_what_can_never_fit_with_numbers(tmp_path: Path) -> None:
    chat = make_chat(answering(echo, context_length=200))
    (tmp_path / "long.txt").write_text("x" * 190)
    text = complaint(chat, f"/read {tmp_path}/long.txt")
    assert f"{tmp_path}/long.txt: this takes 206 tokens" in text
    assert "the context of 200 has room for 188" in text
    assert transcript(chat) == []


@pytest.mark.parametrize("on_full", get_args(OnFull))
def test_read_takes_what_the_oldest_turns_may_make_room_for(
    tmp_path: Path, on_full: OnFull
) -> None:
    chat = make_chat(answering(echo, context_length=200), settings=Settings(on_full=on_full))
    do(chat, "a" * 30)
    (tmp_path / "file.txt").write_text("x" * 100)
    line = f"/read {tmp_path}/file.txt"
    if on_full == "stop":
        free = chat.session.context().free - 12  # of which a reply needs some
        assert f"takes 116 tokens, and of the context of 200 only {free} are free" in complaint(
            chat, line
        )
        return
    assert only(Attach, list(do(chat, line))).tokens == 116
    seen = do(chat, f"{line} and?")
    assert any(isinstance(each, Ask) for each in seen) == (on_full == "ask")
    assert transcript(chat)[2] == "x" * 100 + "\n\nand?"
    assert chat.session.context().hidden == 2


def test_read_takes_all_files_of_a_pattern_in_order(chat: Chat, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.txt", "a.txt", "deep/c.txt", "[x].md"):
        (tmp_path / name).write_text(f"in {name}\n")
    attached = [each for each in do(chat, f"/read {tmp_path}/*.txt") if isinstance(each, Attach)]
    assert [each.name for each in attached] == [f"{tmp_path}/a.txt", f"{tmp_path}/b.txt"]
    assert attached[0].text == f"{tmp_path}/a.txt:\nin a.txt"
    do(chat, f"/read {tmp_path}/**/*.txt which?")
    said_to_it = transcript(chat)[0]
    assert [line for line in said_to_it.splitlines() if line.startswith("in ")] == [
        *("in a.txt", "in b.txt", "in deep/c.txt")
    ]
    assert said_to_it.endswith("\n\nwhich?")
    assert only(Attach, list(do(chat, f"/read {tmp_path}/[x].md"))).text == "in [x].md"
    assert "No such file" in complaint(chat, f"/read {tmp_path}/*.py")


def test_a_file_of_several_that_is_no_text_is_named_and_none_is_read(
    chat: Chat, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("fine")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfa")
    assert "b.txt: is not text" in complaint(chat, f"/read {tmp_path}/*.txt")
    for i in range(101):
        (tmp_path / f"{i}.md").write_text("x")
    assert "101 files are too many" in complaint(chat, f"/read {tmp_path}/*.md")


@pytest.mark.parametrize("content", [b"\xff\xfa", b"a\0b"])
def test_read_refuses_what_is_no_text(chat: Chat, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert "is not" in complaint(chat, f"/read {tmp_path}/x")
    assert "No such file" in complaint(chat, "/read missing.txt")
    assert "not a regular file" in complaint(chat, f"/read {tmp_path}")
    (tmp_path / "blank").write_text(" \n")
    assert "is empty" in complaint(chat, f"/read {tmp_path}/blank")
    assert "/read FILE" in complaint(chat, "/read")


def test_export_writes_three_formats(talked: Chat, tmp_path: Path) -> None:
    do(talked, "/system Be brief.")
    for suffix in ("md", "json", "jsonl"):
        assert "exported" in said(talked, f"/export {tmp_path}/c.{suffix}")
    assert "## You\n\nhello\n\n## Assistant\n\nYou said hello." in (tmp_path / "c.md").read_text()
    body = json.loads((tmp_path / "c.json").read_text())
    lines = [json.loads(line) for line in (tmp_path / "c.jsonl").read_text().splitlines()]
    assert body["messages"] == lines
    assert [m["role"] for m in lines] == ["system", "user", "assistant", "user", "assistant"]
    assert lines[2]["content"] == "You said hello."
    assert lines[2]["finish_reason"] == "stop"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.json", "c.jsonl", "c.md"]


def test_an_export_has_the_probabilities_that_are_known_where_they_are_asked_for(
    talked: Chat, tmp_path: Path
) -> None:
    def exported(name: str) -> tuple[str, list[dict[str, object]]]:
        text = said(talked, f"/export {tmp_path}/{name}.json")
        return text, json.loads((tmp_path / f"{name}.json").read_text())["messages"]

    assert all("logprobs" not in message for message in exported("none")[1])
    do(talked, "/set logprobs 2")
    do(talked, "once more")
    text, messages = exported("some")
    assert "logprobs of 2 replies aren't known; /tokens" in text
    assert "logprobs" not in said(talked, f"/export {tmp_path}/c.md")
    *others, last = (m for m in messages if m["role"] == "assistant")
    assert [each["logprobs"] for each in others] == [None, None]
    reply = talked.session.ledger.path()[-1]
    tokens = cast("list[dict[str, Any]]", last["logprobs"])
    assert [token["id"] for token in tokens] == reply.ids
    assert b"".join(bytes(token["bytes"]) for token in tokens).decode() == reply.text
    assert all(len(token["top_logprobs"]) == 2 for token in tokens)
    # One logit of 20 among zeros.
    surest = 20 - math.log(math.exp(20) + TOKENIZER.vocab_size - 1)
    assert tokens[0]["logprob"] == pytest.approx(surest, abs=1e-6)


def test_export_never_writes_over_a_file_unasked(talked: Chat, tmp_path: Path) -> None:
    path = tmp_path / "c.md"
    path.write_text("mine")
    only(Ask, list(do(talked, f"/export {path}", yes=False)))
    assert path.read_text() == "mine"
    do(talked, f"/export {path}", yes=True)
    assert "hello" in path.read_text()


def test_export_refuses_what_it_does_not_know(talked: Chat, tmp_path: Path) -> None:
    assert "*.md, *.json, *.jsonl" in complaint(talked, f"/export {tmp_path}/c.docx")
    assert "can't write" in complaint(talked, f"/export {tmp_path}/no/c.md")


THOUGHT = "<think>\nhm\n```\nx = 1\n</think>\n\nyes\n```\ny = 2\n```\n"


def test_copies_are_of_the_answer_without_its_reasoning() -> None:
    chat = make_chat(answering(lambda _: THOUGHT))
    do(chat, "hello")
    assert only(Copy, list(do(chat, "/copy"))).text == "yes\n```\ny = 2\n```"
    assert only(Copy, list(do(chat, "/copy code 1"))).text == "y = 2\n"
    reply = chat.view.rows()[1]
    assert only(Copy, list(act(chat, "copy", reply))).text == "yes\n```\ny = 2\n```"
    assert only(Copy, list(act(chat, "copy_code", reply))).text == "y = 2\n"


def test_there_is_no_answer_to_copy_in_reasoning_alone() -> None:
    chat = make_chat(answering(lambda _: "<think>hm"))
    do(chat, "hello")
    assert "nothing but reasoning" in complaint(chat, "/copy")


def test_an_export_folds_reasoning_and_keeps_it(tmp_path: Path) -> None:
    chat = make_chat(answering(lambda _: THOUGHT))
    do(chat, "hello")
    for name in ("c.md", "c.json"):
        do(chat, f"/export {tmp_path}/{name}")
    folded = (
        "<details>\n<summary>Reasoning</summary>\n\n> hm\n> ```\n> x = 1\n\n</details>\n\nyes\n"
    )
    assert folded in (tmp_path / "c.md").read_text()
    messages = json.loads((tmp_path / "c.json").read_text())["messages"]
    assert messages[1]["content"].strip() == THOUGHT.strip()


def test_lists_show_the_answer() -> None:
    chat = make_chat(answering(lambda _: "<think>hm</think>yes"))
    do(chat, "hello")
    assert "1  yes" in said(chat, "/alt")
    assert said(chat, "/context").splitlines()[1].split()[2:] == ["yes"]


def test_names_that_cannot_be_are_refused(talked: Chat) -> None:
    long = "x" * 300
    assert "can't write: File name too long" in complaint(talked, f"/export {long}.md")
    assert "not a file name" in complaint(talked, "/export a\0b.md")
    assert "can't write" in complaint(talked, "/export ~nobody-of-that-name/c.md")
    assert "File name too long" in complaint(talked, f"/read {long}")
    assert "No such file" in complaint(talked, "/read ~nobody-of-that-name/c.txt")
    assert "not a file name" in complaint(talked, "/read a\0b")
    assert suggest(talked, "/read ~nobody-of-that-name/") == []


def test_a_long_question_about_a_file_is_no_long_name(chat: Chat, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("some text")
    do(chat, f"/read {tmp_path}/a.txt {'why ' * 90}")
    assert transcript(chat)[0] == f"some text\n\n{('why ' * 90).strip()}"


def test_a_long_name_of_a_session_makes_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chat = make_chat(store=Store.open())
    do(chat, "hello")
    do(chat, f"/save {'ñ' * 300}")
    assert "exported" in said(chat, "/export")
    assert [path.name for path in tmp_path.glob("*.md")] == [f"{'ñ' * 60}.md"]
    chat.close()
