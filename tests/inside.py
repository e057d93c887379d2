"""What computes for a chat, which its faces never see: for tests that count what it is fed."""

from __future__ import annotations

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.generation.local import LocalCompleter
from llama2ncnn_chat.model.engine import Engine
from tests.fakes import ScriptedEngine


def completer_of(chat: Chat) -> LocalCompleter:
    completer = chat._completer
    assert isinstance(completer, LocalCompleter)
    return completer


def engine_of(chat: Chat) -> Engine:
    return completer_of(chat)._engine


def script_of(chat: Chat) -> ScriptedEngine:
    engine = engine_of(chat)
    assert isinstance(engine, ScriptedEngine)
    return engine
