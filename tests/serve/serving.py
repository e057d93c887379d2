"""A server of the bundled model in a thread of its own, and clients that ask it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import httpx2
import uvicorn
from openai import OpenAI

from llama2ncnn_chat.chat.chat_model import ChatModel
from llama2ncnn_chat.generation.completer import Completer
from llama2ncnn_chat.generation.local import LocalCompleter
from llama2ncnn_chat.launch.options import Options, options_of
from llama2ncnn_chat.launch.prepare import prepare
from llama2ncnn_chat.launch.serve_options import serve_options_of
from llama2ncnn_chat.model.engine import Engine
from llama2ncnn_chat.serve.face import config_of, server_of

PATIENCE = 30.0
GRACE = 1
KEY = "open sesame"


@dataclass(frozen=True)
class Alone:
    """The model of a server by itself."""

    completer: Completer
    model: ChatModel


class Gate:
    """An engine that computes nothing while its gate is shut."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self.is_open = engine, threading.Event()
        self.is_open.set()

    def forward(self, *asked: Any) -> Any:
        self.is_open.wait(PATIENCE)
        return self._engine.forward(*asked)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def flags(**typed: object) -> dict[str, Any]:
    """What a command line says."""
    return {"threads": "1", **{name: str(value) for name, value in typed.items()}}


def opened(options: Options) -> Alone:
    """Open the model that options name."""
    model = prepare(options, _no_step)
    return Alone(model.load(_no_step), model)


def _no_step(_what: str) -> Callable[[int, int], None]:
    return lambda _done, _total: None


@contextmanager
def served(**typed: object) -> Iterator[str]:
    """Serve as long as the block runs, as a command line says; yields where."""
    with gated(**typed) as (url, _):
        yield url


@contextmanager
def gated(**typed: object) -> Iterator[tuple[str, threading.Event]]:
    """Serve with an engine that computes while an event is set; yields where, and the event."""
    options = options_of(flags(**typed))
    alone = opened(options)
    assert isinstance(alone.completer, LocalCompleter)
    gate = Gate(alone.completer._engine)
    alone.completer._engine = cast(Engine, gate)
    serving = serve_options_of(flags(**typed), {"KEY": KEY})
    answering = server_of(alone.model, alone.completer, options, serving)
    server = uvicorn.Server(config_of(answering, GRACE))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        until(lambda: server.started)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", gate.is_open
    finally:
        server.should_exit = True
        thread.join(3 * GRACE)  # with a shut gate its end waits for the engine
        gate.is_open.set()
        thread.join()
        alone.completer.close()


def until(true: Callable[[], bool]) -> None:
    """Wait for what another thread brings about."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def client(url: str, key: str = KEY) -> OpenAI:
    """OpenAI's own client of a server, which asks once."""
    return OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=PATIENCE)


def measured(url: str, name: str) -> float:
    """One of the server's metrics."""
    text = httpx2.get(f"{url}/metrics").text
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.split()[0] == name)
