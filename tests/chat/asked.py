"""What a line that is typed comes to, one outcome of it."""

from __future__ import annotations

from typing import TypeVar

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.chat.outcomes import Complain, Done, Say
from tests.chatting import do

T = TypeVar("T")


def only(kind: type[T], seen: list[object]) -> T:
    found = [each for each in seen if isinstance(each, kind)]
    assert len(found) == 1, seen
    return found[0]


def said(chat: Chat, line: str) -> str:
    outcome = do(chat, line)[-1]
    assert isinstance(outcome, (Say, Done)), outcome
    return outcome.text


def complaint(chat: Chat, line: str) -> str:
    seen = do(chat, line)
    assert len(seen) == 1, seen
    text = only(Complain, list(seen)).text
    assert "\n" not in text
    return text
