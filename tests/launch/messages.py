"""Chats with a scripted server that takes messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.launch.open_chat import open_chat
from llama2ncnn_chat.launch.options import options_of
from tests.launch.test_switching import step
from tests.remote.engine_server import Answer, Script, saying, serving
from tests.remote.messages import MODELS, PATH

OLLAMA = {**MODELS, "/api/version": saying({"version": "0.13.1"})}


@contextmanager
def server(*replies: Answer, **more: Any) -> Iterator[Script]:
    with serving(Script({**OLLAMA, PATH: list(replies), **more})) as script:
        yield script


def opened(script: Script, **flags: Any) -> Chat:
    """A chat with it, as a command line says."""
    return open_chat(options_of({"engine": script.url, **flags}, {}, Path("/none")), step)


@contextmanager
def talking(*replies: Answer, **flags: Any) -> Iterator[tuple[Chat, Script]]:
    """A chat with a server that says this, one after the other."""
    with server(*replies) as script, closing(opened(script, **flags)) as chat:
        yield chat, script
