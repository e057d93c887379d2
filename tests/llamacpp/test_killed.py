"""A llama-server that is killed in mid-reply: what came is kept, and is gone on with."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.llama_server import apart
from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.conversation.ledger import Turn
from llama2ncnn_chat.errors import Advice, EngineError
from llama2ncnn_chat.events import TextDelta
from tests.chatting import do
from tests.llamacpp.miniature import opened, write_miniature

pytest.importorskip("xllamacpp", reason="llama.cpp isn't installed: pip --group oracles")

N_CONTEXT = 4096
N_TOKENS = 3000
"""More than a server writes before it is killed at the first of them."""


def reply_of(chat: Chat) -> Turn:
    reply = chat.session.ledger.head
    assert reply
    assert reply.role == "assistant"
    return reply


def test_a_reply_goes_on_when_its_server_is_back(tmp_path: Path) -> None:
    path = write_miniature(tmp_path / "m.gguf", N_CONTEXT)
    flags = {"max_tokens": str(N_TOKENS), "save": "1"}
    with apart(path) as (url, process):
        port = urlsplit(url).port
        assert port
        with closing(opened(engine=url, save="0", max_tokens=str(N_TOKENS))) as chat:
            do(chat, "hello there")
            whole = reply_of(chat).ids
        assert len(whole) == N_TOKENS  # nothing but the kill may end the half
        with closing(opened(engine=url, **flags)) as chat:
            events = chat.send("hello there")
            next(event for event in events if isinstance(event, TextDelta))
            process.kill()
            with pytest.raises(EngineError) as broken:
                list(events)
            assert broken.value.hint is Advice.GO_ON_LATER
            half, number = list(reply_of(chat).ids), chat.session_id
            with pytest.raises(EngineError):
                do(chat, "/continue")  # it isn't back yet
            assert reply_of(chat).ids == half
            assert reply_of(chat).finish == "cancelled"
    assert 0 < len(half) < N_TOKENS
    flags["max_tokens"] = str(N_TOKENS - len(half))
    with apart(path, port=port), closing(opened(resume=str(number), **flags)) as chat:
        assert reply_of(chat).ids == half
        do(chat, "/continue")
        assert reply_of(chat).ids == whole
