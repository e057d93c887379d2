"""A bare word that was most likely meant for the program is held back once."""

from __future__ import annotations

import pytest

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.chat.commands.table import interpret
from llama2ncnn_chat.chat.line import Message
from llama2ncnn_chat.chat.outcomes import Generate
from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.generation.completer import never
from tests.chatting import answering, do, make_chat, transcript


def chat() -> Chat:
    return make_chat(answering(lambda message: f"so {message}"))


def refusal(chat: Chat, text: str) -> str:
    (outcome,) = interpret(chat, Message(text))
    assert isinstance(outcome, Generate)
    assert outcome.draft == text
    with pytest.raises(ChatError) as raised:
        outcome.start(cancelled=never)
    return str(raised.value)


@pytest.mark.parametrize("word", ["help", "exit", "quit", "Quit"])
def test_it_is_held_back_and_sent_the_second_time(word: str) -> None:
    opened = chat()
    assert f"/{word.lower()} l" in refusal(opened, word)
    assert transcript(opened) == []
    do(opened, word)
    assert transcript(opened)[0] == word
    assert "again" in refusal(opened, word)  # and so it is the next time


@pytest.mark.parametrize("text", ["help me", "quit.", "exit\nquit", "/help"])
def test_any_other_message_is_sent_at_once(text: str) -> None:
    opened = chat()
    do(opened, str(Message(text)))
    assert transcript(opened)[0] == text


def test_a_word_after_another_is_held_back_for_itself() -> None:
    opened = chat()
    refusal(opened, "help")
    refusal(opened, "quit")
    refusal(opened, "help")
    assert transcript(opened) == []


def test_a_message_that_is_edited_may_be_such_a_word() -> None:
    opened = chat()
    do(opened, "hello")
    message = opened.view.rows()[0].id
    do(opened, "help", edits=message)
    assert transcript(opened)[0] == "help"
