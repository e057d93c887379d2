"""Engines over scripted servers, and what comes of a text that they are asked to go on with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from llama2ncnn_chat.events import Event, Finished, TextDelta
from llama2ncnn_chat.generation.completer import Draws, Limits, never
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.model.engine import Cancelled
from llama2ncnn_chat.remote.address import address_of
from llama2ncnn_chat.remote.chat_server import ChatServer
from llama2ncnn_chat.remote.completer import RemoteCompleter
from llama2ncnn_chat.remote.dialect import Dialect
from llama2ncnn_chat.remote.finding import find_engine
from llama2ncnn_chat.remote.http import Connection, Waits
from tests.fakes import ByteTokenizer
from tests.remote.engine_server import Answer, Script, saying, serving

WAITS = Waits(connect=5, answer=5, event=5)
KEY = "k3y-that-nobody-sees"
N_CONTEXT = 64

PROPS = {
    "default_generation_settings": {"n_ctx": N_CONTEXT},
    "model_alias": "tiny",
    "chat_template": "{{ messages }}",
    "bos_token": "<s>",
    "eos_token": "</s>",
}
LLAMA = {
    "/props": saying(PROPS),
    "/v1/models": saying({"data": [{"id": "tiny", "meta": {"n_vocab": 300}}]}),
}


def llama_event(text: str, ids: Sequence[int], n: int, **more: Any) -> dict[str, Any]:
    """An event of llama-server's; ``n`` tokens have been sampled by then."""
    return {"content": text, "tokens": list(ids), "tokens_predicted": n, "stop": False, **more}


def llama_end(n: int, why: str = "limit") -> dict[str, Any]:
    timings = {"cache_n": 2, "prompt_n": 3}
    return llama_event("", [], n, stop=True, stop_type=why, timings=timings)


def llama_says(text: str) -> list[dict[str, Any]]:
    """An event for each ASCII character."""
    return [llama_event(c, [ord(c) + 3], n) for n, c in enumerate(text, 1)]


def dialect_of(connection: Connection, model: str | None = None) -> Dialect:
    """The engine there, which takes ids."""
    engine = find_engine(connection, model)
    assert not isinstance(engine, ChatServer)
    return engine


@contextmanager
def asking(
    answers: dict[str, Any], waits: Waits = WAITS, vocabulary: Any = None
) -> Iterator[tuple[RemoteCompleter, Script]]:
    """A completer of the engine that answers so, and the script."""
    with serving(Script(answers)) as script:
        connection = Connection(address_of(script.url, KEY), waits)
        completer = RemoteCompleter(
            connection, dialect_of(connection), vocabulary or ByteTokenizer()
        )
        with closing(completer):
            yield completer, script


def llama(*completions: Answer, **more: Any) -> Any:
    """A completer of a llama-server that answers requests one after another."""
    return asking({**LLAMA, "/completion": list(completions)}, **more)


def complete(
    completer: RemoteCompleter,
    text: str = "hello",
    limits: Limits | None = None,
    *,
    sampling: Sampling | None = None,
    draws: Draws | None = None,
    wants_choices: bool = False,
    cancelled: Cancelled = never,
) -> list[Event]:
    """All events of going on from a text."""
    return list(
        completer.complete(
            ByteTokenizer().encode(text),
            sampling or Sampling(),
            draws or Draws(7),
            limits or Limits(),
            wants_choices=wants_choices,
            cancelled=cancelled,
        )
    )


def text_of(events: Sequence[Event]) -> str:
    return "".join(e.text for e in events if isinstance(e, TextDelta))


def end_of(events: Sequence[Event]) -> Finished:
    end = events[-1]
    assert isinstance(end, Finished)
    return end
