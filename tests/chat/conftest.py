"""Chats with a scripted model: one that is new, and one that has talked."""

from __future__ import annotations

import pytest

from llama2ncnn_chat.chat.chat import Chat
from tests.chatting import do, make_chat


@pytest.fixture
def chat() -> Chat:
    return make_chat()


@pytest.fixture
def talked(chat: Chat) -> Chat:
    do(chat, "hello")
    do(chat, "again")
    return chat
