"""The words that a reply begins with, and replies that are changed, as commands."""

from __future__ import annotations

import pytest

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.chat.outcomes import Ask, Done, Draft
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.errors import PromptTooLongError
from tests.chat.asked import complaint, only, said
from tests.chatting import answering, do, echo, make_chat, transcript


def test_begin_holds_for_the_next_reply_and_no_longer(chat: Chat) -> None:
    assert "begins with: You said" in only(Done, list(do(chat, "/begin You said"))).text
    assert "begins with: You said" in said(chat, "/begin")
    do(chat, "hello")
    assert transcript(chat) == ["hello", "You said hello."]
    assert [turn.n_begun for turn in chat.session.ledger.path()] == [0, len("You said")]
    assert "as the model likes" in said(chat, "/begin")
    do(chat, "again")
    assert chat.session.ledger.path()[-1].n_begun == 0


def test_begin_holds_for_another_reply_too_and_that_is_begun_so_from_then_on(talked: Chat) -> None:
    do(talked, "/begin You")
    do(talked, "/continue")  # makes no new reply
    assert talked.next_reply.words == "You"
    for _ in range(2):
        do(talked, "/regen")
        assert talked.session.ledger.path()[-1].n_begun == 3
    do(talked, '/begin ""')
    do(talked, "/regen")
    assert talked.session.ledger.path()[-1].n_begun == 0


def test_words_hold_until_a_reply_has_begun_with_them() -> None:
    chat = make_chat(answering(echo, context_length=60))
    do(chat, "/begin You")
    with pytest.raises(PromptTooLongError):
        do(chat, "x" * 90)
    assert chat.next_reply.words == "You"
    do(chat, "/new")
    do(chat, "hi")
    assert transcript(chat) == ["hi", "You said hi."]
    assert chat.next_reply.words is None


def test_amend_changes_the_last_reply_and_goes_on_from_there(talked: Chat) -> None:
    reply = talked.session.ledger.head
    assert reply
    assert do(talked, "/amend") == [Draft("You said again.", edits=reply.id)]
    assert "as it was" in complaint(talked, "/amend You said again.")
    do(talked, "You said", edits=reply.id)
    new = talked.session.ledger.head
    assert new
    assert (new.text, new.n_begun) == ("You said again.", len(" You said"))
    assert talked.session.ledger.alternatives(new) == [reply, new]
    do(talked, "/amend You")
    assert transcript(talked)[2:] == ["again", "You said again."]
    assert len(talked.session.ledger.alternatives(new)) == 3
    do(talked, "/prev")
    assert talked.session.ledger.head is new


def test_amend_asks_before_the_oldest_turns_go() -> None:
    chat = make_chat(answering(echo, context_length=120), settings=Settings(on_full="ask"))
    do(chat, "a" * 20)
    do(chat, "b" * 5)
    before = transcript(chat)
    seen = do(chat, f"/amend {'y' * 40}", yes=False)
    assert "forget the oldest" in only(Ask, list(seen)).question
    reply = chat.session.ledger.head
    assert reply
    assert seen[-1] == Draft("y" * 40, edits=reply.id)
    assert transcript(chat) == before


def test_a_reply_of_an_older_turn_is_edited_where_it_stands(talked: Chat) -> None:
    reply = talked.session.ledger.path()[1]
    do(talked, "You", edits=reply.id)
    assert transcript(talked) == ["hello", "You said hello."]
    do(talked, "/prev")
    assert transcript(talked) == ["hello", "You said hello.", "again", "You said again."]
