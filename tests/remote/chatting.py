"""Completers of a scripted server that takes messages, and what they are asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from llama2ncnn_chat.events import Event
from llama2ncnn_chat.generation.completer import Draws, Limits, never
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.model.engine import Cancelled
from llama2ncnn_chat.remote.address import address_of
from llama2ncnn_chat.remote.chat_server import ChatServer
from llama2ncnn_chat.remote.finding import find_engine
from llama2ncnn_chat.remote.http import Connection
from llama2ncnn_chat.remote.text_completer import TextCompleter
from llama2ncnn_chat.text.messages import MARKS
from tests.remote.asking import KEY, WAITS
from tests.remote.engine_server import Answer, Script, serving
from tests.remote.messages import MODELS, PATH


def ids_of(*said: tuple[str, str]) -> list[int]:
    """The ids of messages, and of the reply that is to be given."""
    ids: list[int] = []
    for role, text in (*said, ("assistant", "")):
        ids += [MARKS[f"<|{role}|>"], *text.encode()]
    return ids


HELLO = ids_of(("user", "hello"))


@contextmanager
def asking(*replies: Answer) -> Iterator[tuple[TextCompleter, Script]]:
    """A completer of a server that answers requests one after another, and the script."""
    with serving(Script({**MODELS, PATH: list(replies)})) as script:
        connection = Connection(address_of(script.url, KEY), WAITS)
        server = find_engine(connection)
        assert isinstance(server, ChatServer)
        with closing(TextCompleter(connection, server)) as completer:
            yield completer, script


def complete(
    completer: TextCompleter,
    ids: Sequence[int] = HELLO,
    limits: Limits | None = None,
    *,
    sampling: Sampling | None = None,
    draws: Draws | None = None,
    cancelled: Cancelled = never,
) -> list[Event]:
    sampling, draws, limits = sampling or Sampling(), draws or Draws(7), limits or Limits()
    return list(completer.complete(ids, sampling, draws, limits, cancelled=cancelled))
