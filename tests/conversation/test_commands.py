"""The table of commands: what is typed, and what comes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

import pytest

from llama2ncnn_chat.conversation.chat import Chat
from llama2ncnn_chat.conversation.chat_settings import HELP, ON_FULL, ChatSettings
from llama2ncnn_chat.conversation.commands import COMMANDS, find, help_text
from llama2ncnn_chat.conversation.commands_turns import code_blocks
from llama2ncnn_chat.conversation.ledger import Turn
from llama2ncnn_chat.conversation.outcomes import (
    Ask,
    Attach,
    ClearScreen,
    Complain,
    Copy,
    Draft,
    Generate,
    Moved,
    PickSession,
    Quit,
    Say,
    Switched,
)
from llama2ncnn_chat.conversation.session import OnFull
from llama2ncnn_chat.conversation.store import Store
from llama2ncnn_chat.events import Event, Finished, Replayed
from tests.chatting import answering, do, echo, make_chat, transcript

T = TypeVar("T")


def only(kind: type[T], seen: list[object]) -> T:
    found = [each for each in seen if isinstance(each, kind)]
    assert len(found) == 1, seen
    return found[0]


def said(chat: Chat, line: str) -> str:
    return only(Say, list(do(chat, line))).text


def complaint(chat: Chat, line: str) -> str:
    seen = do(chat, line)
    assert len(seen) == 1, seen
    text = only(Complain, list(seen)).text
    assert "\n" not in text
    return text


@pytest.fixture
def chat() -> Chat:
    return make_chat()


@pytest.fixture
def talked(chat: Chat) -> Chat:
    do(chat, "hello")
    do(chat, "again")
    return chat


def test_every_command_of_the_interface_is_there() -> None:
    names = (
        "help ? exit quit bye clear new regen continue undo redo edit system set show save load "
        "resume list rename delete fork read copy export context stats replay prev next alt"
    )
    for name in names.split():
        assert find(name)


def test_help_has_all_commands_and_fits_80_columns(chat: Chat) -> None:
    text = said(chat, "/?")
    assert all(f"/{command.name}" in text for command in COMMANDS)
    assert max(map(len, help_text().splitlines())) <= 80
    assert said(chat, "/help undo").startswith("/undo [N]")


@pytest.mark.parametrize(
    ("typed", "near"), [("/exited", "/exit"), ("/hlep", "/help"), ("/regem", "/regen")]
)
def test_an_unknown_command_never_reaches_the_model(chat: Chat, typed: str, near: str) -> None:
    text = complaint(chat, typed)
    assert typed in text
    assert f"did you mean {near}?" in text
    assert transcript(chat) == []


def test_a_path_is_no_command_and_nothing_is_sent(chat: Chat) -> None:
    assert "//" in complaint(chat, "/usr/bin/env what is it?")
    assert transcript(chat) == []


def test_two_slashes_send_one(chat: Chat) -> None:
    do(chat, "//exit")
    assert transcript(chat) == ["/exit", "You said /exit."]


def test_nothing_typed_is_nothing_done(chat: Chat) -> None:
    assert do(chat, "") == do(chat, "  \n ") == []
    assert transcript(chat) == []


@pytest.mark.parametrize("name", ["/exit", "/quit", "/bye", "/EXIT"])
def test_leaving(chat: Chat, name: str) -> None:
    assert do(chat, name) == [Quit()]


def test_a_message_is_answered(chat: Chat) -> None:
    seen = do(chat, "hello")
    assert only(Generate, list(seen)).draft == "hello"
    assert transcript(chat) == ["hello", "You said hello."]


def test_regen_keeps_the_old_reply_and_prev_walks_to_it(talked: Chat) -> None:
    old = talked.session.ledger.head
    do(talked, "/regen")
    assert talked.session.ledger.head is not old
    assert said(talked, "/alt").splitlines()[1].startswith("* 2")
    moved = only(Moved, list(do(talked, "/prev")))
    assert (moved.turn, moved.note) == (old, "reply 1 of 2")
    assert talked.session.ledger.head is old
    assert "2 replies" in complaint(talked, "/prev")
    do(talked, "/next")
    assert talked.session.ledger.head is not old
    do(talked, "/alt 1")
    assert talked.session.ledger.head is old


def test_undo_and_redo_count(talked: Chat) -> None:
    do(talked, "/undo 2")
    assert transcript(talked) == []
    do(talked, "/redo")
    assert transcript(talked) == ["hello", "You said hello."]
    do(talked, "/redo")
    assert len(transcript(talked)) == 4
    assert "nothing to redo" in complaint(make_chat(), "/redo")
    assert "'x' is not a number" in complaint(talked, "/undo x")
    assert "'0' is not a number" in complaint(talked, "/undo 0")


def test_edit_puts_the_last_message_into_the_prompt_and_then_in_its_place(talked: Chat) -> None:
    last = talked.session.ledger.last("user")
    assert do(talked, "/edit") == [Draft("again", edits=last)]
    do(talked, "once more", edits=last)
    assert transcript(talked)[2:] == ["once more", "You said once more."]
    do(talked, "/edit directly")
    assert transcript(talked)[2:] == ["directly", "You said directly."]
    assert len(talked.session.ledger.alternatives(talked.session.ledger.path()[2])) == 3


def test_continue_goes_on_from_where_the_reply_ended() -> None:
    chat = make_chat(settings=ChatSettings(max_tokens=6))
    do(chat, "hello")
    assert transcript(chat)[1] == "You s"
    do(chat, "/set max_tokens off")
    do(chat, "/continue")
    assert transcript(chat) == ["hello", "You said hello."]


def test_replay_says_whether_it_is_the_same(talked: Chat) -> None:
    assert only(Replayed, list(do(talked, "/replay"))).same
    assert len(transcript(talked)) == 4
    reply = talked.session.ledger.head
    assert reply
    reply.ids[3] += 1
    assert not only(Replayed, list(do(talked, "/replay"))).same


@pytest.mark.parametrize("line", ["/regen", "/continue", "/replay", "/undo", "/edit", "/copy"])
def test_before_there_is_anything_it_is_said(chat: Chat, line: str) -> None:
    assert "say something first" in complaint(chat, line)


def test_system_is_shown_set_and_taken_away(talked: Chat) -> None:
    assert "no system prompt" in said(talked, "/system")
    assert said(talked, "/system Be brief.") == "system prompt: Be brief."
    assert "Be brief." in "".join(chr(i - 3) for i in talked.session.ledger.path()[0].ids if i > 2)
    assert "no system prompt" in said(talked, '/system ""')


def test_a_system_prompt_that_leaves_no_room_is_refused_with_numbers(talked: Chat) -> None:
    before = talked.session.ledger.path()[0].ids
    text = complaint(talked, "/system " + "x" * 2000)
    assert "2,0" in text
    assert "2,000" in text
    assert talked.settings.system == ""
    assert talked.session.ledger.path()[0].ids == before


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("temperature", "0.2", "0.2"),
        ("temp", "1", "1"),
        ("top_k", "7", "7"),
        ("max-tokens", "12", "12"),
        ("max_tokens", "off", "off"),
        ("seed", "42", "42"),
        ("seed", "random", "random"),
        ("stop", "'a b' c", "'a b' c"),
        ("on_full", "ask", "ask"),
        ("threads", "3", "3"),
    ],
)
def test_set_takes_a_value_and_shows_it(chat: Chat, key: str, value: str, shown: str) -> None:
    assert said(chat, f"/set {key} {value}").split(" ", 1)[1] == shown
    assert said(chat, f"/set {key}").split(" ", 1)[1].startswith(shown)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/set temprature 1", "did you mean temperature?"),
        ("/set temperature hot", "'hot' is not a number"),
        ("/set temperature -1", "out of range; 0 to 100"),
        ("/set top_k 1.5", "'1.5' is not a number"),
        ("/set on_full maybe", "one of shift"),
        ("/set max_tokens -1", "negative"),
        ("/set threads 0", "out of range"),
        ("/set template alpaca", "one of llama2"),
        ("/set stop 'a", "quot"),
    ],
)
def test_set_checks_names_and_ranges(chat: Chat, line: str, says: str) -> None:
    before = chat.settings
    assert says in complaint(chat, line)
    assert chat.settings == before


def test_set_without_a_name_lists_all(chat: Chat) -> None:
    text = said(chat, "/set")
    assert all(name in text for name in HELP)
    assert max(map(len, text.splitlines())) <= 80


def test_settings_reach_the_next_reply(chat: Chat) -> None:
    do(chat, "/set seed 5")
    do(chat, "/set temperature 0.3")
    do(chat, "/set stop said")
    do(chat, "hello")
    reply = chat.session.ledger.head
    assert reply
    assert reply.text == "You "
    assert (reply.runs[0].seed, reply.runs[0].sampling.temperature) == (5, 0.3)
    do(chat, "again")
    assert chat.session.ledger.head
    assert chat.session.ledger.head.runs[0].seed == 6


def test_a_conversation_keeps_its_template(chat: Chat) -> None:
    do(chat, "hello")
    assert "/new" in complaint(chat, "/set template plain")
    do(chat, "/new")
    assert said(chat, "/set template plain") == "template plain"


def test_context_adds_up(talked: Chat) -> None:
    do(talked, "/system Be brief.")
    rows = said(talked, "/context").splitlines()
    used = sum(int(row.split("  ")[1:][0] or row.split()[1]) for row in rows[1:-1])
    use = talked.session.context()
    assert used + use.system == use.used
    assert rows[0].startswith("system prompt")
    assert rows[-1].split()[:2] == ["free", f"{use.free:,}"]


def test_stats_and_show(talked: Chat) -> None:
    stats = said(talked, "/stats")
    assert "generated    16 tokens" in stats  # the space before it too, EOS not
    assert "stop" in stats
    show = said(talked, "/show")
    assert "0.0 MB on the disk" in show
    assert "tiny" in show
    assert "the usual ones" in show
    do(talked, "/set temperature 0.3")
    assert "temperature 0.3" in said(talked, "/show")


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


@pytest.mark.parametrize("on_full", ON_FULL)
def test_read_takes_what_the_oldest_turns_may_make_room_for(
    tmp_path: Path, on_full: OnFull
) -> None:
    chat = make_chat(answering(echo, context_length=200), settings=ChatSettings(on_full=on_full))
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


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b"])
def test_read_refuses_what_is_no_text(chat: Chat, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert "is not" in complaint(chat, f"/read {tmp_path}/x")
    assert "no such file" in complaint(chat, "/read missing.txt")
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


def test_on_full_ask_asks_before_anything_goes() -> None:
    chat = make_chat(answering(echo, context_length=120), settings=ChatSettings(on_full="ask"))
    do(chat, "a" * 30)
    before = transcript(chat)
    seen = do(chat, "b" * 30, yes=False)
    assert "forget the oldest 2 turns" in only(Ask, list(seen)).question
    assert seen[-1] == Draft("b" * 30)
    assert transcript(chat) == before
    do(chat, "b" * 30, yes=True)
    assert len(transcript(chat)) == 4
    assert chat.session.on_full == "ask"
    assert "room for" in complaint(chat, "c" * 200)


def test_a_message_beside_one_that_is_owed_is_counted_without_it() -> None:
    settings = ChatSettings(on_full="ask", max_tokens=5)
    chat = make_chat(answering(echo, context_length=120), settings=settings)
    ids = chat.session.renderer.message("b" * 60, first=True)
    chat.session.ledger.add(Turn("user", "b" * 60, ids))
    seen = do(chat, "a" * 60)
    assert not any(isinstance(each, Ask) for each in seen)
    assert transcript(chat) == ["a" * 60, "You "]


def test_without_a_store_sessions_are_refused(talked: Chat) -> None:
    for line in ("/save x", "/list", "/resume", "/load x", "/delete", "/rename x", "/fork"):
        assert "--no-save" in complaint(talked, line)


def test_sessions_are_named_listed_opened_forked_and_deleted() -> None:
    store = Store.open()
    chat = make_chat(store=store)
    assert "first message" in said(chat, "/save")
    do(chat, "hello")
    assert said(chat, "/save first one") == "saved as session 1, first one"
    assert do(chat, "/new") == [Switched("a new session")]
    do(chat, "other")
    assert "hello" not in said(chat, "/list")
    assert "first one" in said(chat, "/list")
    assert "first one" in said(chat, "/list hello")
    assert "no session has" in complaint(chat, "/list nothing of it")
    assert [info.id for info in only(PickSession, list(do(chat, "/resume"))).sessions] == [1]
    do(chat, "/load first")
    assert transcript(chat) == ["hello", "You said hello."]
    do(chat, "/fork")
    assert chat.session_id == 3
    do(chat, "more")
    do(chat, "/resume 1")
    assert transcript(chat) == ["hello", "You said hello."]
    assert "3" in only(Ask, list(do(chat, "/delete 3", yes=False))).question
    assert "first one (fork)" in said(chat, "/list")
    do(chat, "/delete 3")
    assert "(fork)" not in said(chat, "/list")
    do(chat, "/delete")
    assert transcript(chat) == []
    assert chat.session_id is None
    chat.close()


def test_clear_empties_the_screen_and_keeps_the_session() -> None:
    chat = make_chat(store=Store.open())
    do(chat, "hello")
    assert do(chat, "/clear") == [ClearScreen(), Switched("a new session")]
    assert "hello" in said(chat, "/list")
    chat.close()


def test_what_comes_of_a_line_ends_with_the_reply(chat: Chat) -> None:
    last: object = do(chat, "hello")[-1]
    assert isinstance(last, Finished)
    assert last.reason == "stop"
    assert isinstance(last, Event)
