"""The table of commands: what is typed, and what comes of it."""

from __future__ import annotations

import pytest

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.chat.commands.table import COMMANDS, find, help_text
from llama2ncnn_chat.chat.line import Message
from llama2ncnn_chat.chat.outcomes import (
    Ask,
    ClearScreen,
    Draft,
    Generate,
    Moved,
    PickSession,
    Quit,
    Switched,
)
from llama2ncnn_chat.conversation.ledger import Turn
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.events import Replayed, TurnFinished
from llama2ncnn_chat.storage.store import Store
from tests.chat.asked import complaint, only, said
from tests.chatting import answering, do, echo, make_chat, transcript


def test_every_command_of_the_interface_is_there() -> None:
    names = (
        "help ? exit quit bye clear new regen continue undo redo edit system set show save load "
        "resume list rename delete fork read copy export context stats replay prev next alt "
        "begin amend"
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
    assert old
    assert (moved.turn, moved.note) == (old.id, "reply 1 of 2")
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
    assert "'x' is not a whole number" in complaint(talked, "/undo x")
    assert "0 is out of range; 1 or more" in complaint(talked, "/undo 0")


def test_edit_puts_the_last_message_into_the_prompt_and_then_in_its_place(talked: Chat) -> None:
    last = talked.session.ledger.last("user")
    assert last
    assert do(talked, "/edit") == [Draft("again", edits=last.id)]
    do(talked, "once more", edits=last.id)
    assert transcript(talked)[2:] == ["once more", "You said once more."]
    do(talked, "/edit directly")
    assert transcript(talked)[2:] == ["directly", "You said directly."]
    assert len(talked.session.ledger.alternatives(talked.session.ledger.path()[2])) == 3


def test_continue_goes_on_from_where_the_reply_ended() -> None:
    chat = make_chat(settings=Settings(max_tokens=6))
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


@pytest.mark.parametrize(
    "line", ["/regen", "/continue", "/replay", "/undo", "/edit", "/amend", "/copy"]
)
def test_before_there_is_anything_it_is_said(chat: Chat, line: str) -> None:
    assert "say something first" in complaint(chat, line)


def test_on_full_ask_asks_before_anything_goes() -> None:
    chat = make_chat(answering(echo, context_length=120), settings=Settings(on_full="ask"))
    do(chat, "a" * 30)
    before = transcript(chat)
    seen = do(chat, "b" * 30, yes=False)
    assert "forget the oldest turn" in only(Ask, list(seen)).question
    assert seen[-1] == Draft("b" * 30)
    assert transcript(chat) == before
    do(chat, "b" * 30, yes=True)
    assert len(transcript(chat)) == 4
    assert chat.settings.on_full == "ask"
    assert "room for" in complaint(chat, "c" * 200)


def test_a_message_beside_one_that_is_owed_is_counted_without_it() -> None:
    settings = Settings(on_full="ask", max_tokens=5)
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
    assert "  hello  [" not in said(chat, "/list")
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
    assert said(chat, "/delete 3").endswith("is deleted; /undelete brings it back")
    assert "(fork)" not in said(chat, "/list")
    assert "is back" in said(chat, "/undelete")
    assert "first one (fork)" in said(chat, "/list")
    do(chat, "/delete 3")
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
    last = do(chat, "hello")[-1]
    reply = chat.session.ledger.head
    assert isinstance(last, TurnFinished)
    assert reply
    assert (last.row.id, last.row.text, last.row.finish) == (reply.id, "You said hello.", "stop")
    assert list(last.ids) == reply.ids


def test_what_was_said_before_an_edit_is_walked_to_as_well(talked: Chat) -> None:
    old = talked.session.ledger.head
    do(talked, "/edit once more")
    do(talked, "/regen")
    listed = said(talked, "/alt").splitlines()
    assert [line[:4] for line in listed] == ["  1 ", "  2 ", "* 3 "]
    assert "again  →  You said again." in listed[0]
    do(talked, "/prev")
    moved = only(Moved, list(do(talked, "/prev")))
    assert old
    assert (moved.turn, moved.note) == (old.id, "reply 1 of 3")
    assert transcript(talked)[2:] == ["again", "You said again."]
    assert "3 replies" in complaint(talked, "/prev")


def test_a_message_that_begins_with_a_slash_can_be_edited(chat: Chat) -> None:
    do(chat, "//usr is full")
    (draft,) = do(chat, "/edit")
    assert isinstance(draft, Draft)
    assert str(Message(draft.text)) == "//usr is full"
    do(chat, str(Message(draft.text)), edits=draft.edits)
    assert transcript(chat) == ["/usr is full", "You said /usr is full."]


def test_retry_is_another_name_of_regen(talked: Chat) -> None:
    do(talked, "/retry")
    assert len(talked.session.ledger.path()[2].children) == 2
