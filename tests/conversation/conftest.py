"""A store in a folder of the test, and chats with a scripted model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.storage.store import Store
from tests.chatting import do, make_chat


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "sessions.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with closing(Store.open(path)) as store:
        yield store


@pytest.fixture
def chat() -> Chat:
    return make_chat()


@pytest.fixture
def talked(chat: Chat) -> Chat:
    do(chat, "hello")
    do(chat, "again")
    return chat
