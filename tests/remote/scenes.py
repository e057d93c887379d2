"""What is asked of an engine that runs the scripted model, for the recordings and for their tests.

A scene asks through the program's own dialect and gives what that makes of the answer, an error of
an engine too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any, TypeAlias

from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.events import Event, TextDelta
from llama2ncnn_chat.generation.completer import Draws, Limits
from llama2ncnn_chat.generation.settings import GREEDY, Sampling
from llama2ncnn_chat.remote.completer import RemoteCompleter
from llama2ncnn_chat.remote.dialect import Dialect, Request
from llama2ncnn_chat.remote.http import Connection
from tests.fakes import ByteTokenizer

Scene: TypeAlias = Callable[[Connection, Dialect], Any]

DRAWN = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0)
FILTERED = Sampling(temperature=1.5, top_k=5, top_p=0.9, min_p=0.05)
REPEATED = Sampling(0.0, repeat_penalty=2.0)
PRESENT = Sampling(0.0, presence_penalty=2.0)
FREQUENT = Sampling(0.0, frequency_penalty=2.0)
PENALISED = "5Y"  # a 5 is likeliest after Y, and next to it are others
WEIGHED = ByteTokenizer().encode("abxy>é")
TOKENIZED = "Grüße </s> <0x41> 日本 😀\n"
MANY = "many"
AFTER = 3
"""Tokens after which a text is stopped."""


class Bent:
    """A dialect that puts something else into what it asks."""

    def __init__(self, dialect: Dialect, **other: Any) -> None:
        self._dialect, self._other = dialect, other

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dialect, name)

    def request(self, request: Request) -> tuple[str, dict[str, Any]]:
        path, body = self._dialect.request(request)
        return path, {**body, **self._other}


def goes_on(
    prompt: str,
    n: int | None,
    sampling: Sampling = GREEDY,
    seed: int = 7,
    *,
    choices: bool = False,
    stops_after: int | None = None,
    context_length: int | None = None,
    schema: str | None = None,
    other: Mapping[str, Any] | None = None,
) -> Scene:
    """A text that goes on from a prompt, as a conversation asks for it."""

    def scene(connection: Connection, dialect: Dialect) -> list[Event] | ChatError:
        bent: Any = Bent(dialect, **(other or {}))
        events: list[Event] = []
        n_tokens = 0

        try:
            completer = RemoteCompleter(connection, bent, ByteTokenizer(), context_length)
            asked = completer.complete(
                ByteTokenizer().encode(prompt),
                sampling,
                Draws(seed),
                Limits(max_tokens=n, schema=schema),
                wants_choices=choices,
                cancelled=lambda: n_tokens == stops_after,
            )
            for event in asked:
                n_tokens += isinstance(event, TextDelta)
                events.append(event)
        except ChatError as e:
            return e
        return events

    return scene


def in_one_piece(connection: Connection, dialect: Dialect) -> Sequence[Any]:
    """What isn't streamed, step by step."""
    asked = Request(tuple(ByteTokenizer().encode("?")), GREEDY, 7, 8, 10, streams=False)
    reader = dialect.reader(asked, ByteTokenizer())
    with closing(connection.stream(*dialect.request(asked))) as stream:
        return list(reader.feed(stream.take(60)))


def weighed(connection: Connection, dialect: Dialect) -> list[Event]:
    """All ids but the first."""
    return list(RemoteCompleter(connection, dialect, ByteTokenizer()).weigh(WEIGHED, 1))


def tokenized(connection: Connection, dialect: Dialect) -> list[int]:
    return dialect.encode(TOKENIZED)


SCENES: dict[str, Scene] = {
    "an end": goes_on(">", None, choices=True),
    "an end that only the engine knows": goes_on("?", None, choices=True),
    "no end": goes_on("a", 6, choices=True),
    "no end, and no choices": goes_on("a", 6),
    "half a character": goes_on(">é日", 2),
    "drawn": goes_on("a", 8, DRAWN, 1, choices=True),
    "drawn again": goes_on("a", 8, DRAWN, 1),
    "drawn with another seed": goes_on("a", 8, DRAWN, 2),
    "filtered": goes_on("a", 8, FILTERED, choices=True),
    "repeated": goes_on(PENALISED, 12, REPEATED),
    "present": goes_on(PENALISED, 12, PRESENT),
    "frequent": goes_on(PENALISED, 12, FREQUENT),
    "stopped": goes_on("a", None, stops_after=AFTER),
    "of a schema": goes_on("a", None, schema='{"const": "ab"}', choices=True),
    "of no schema": goes_on("a", None, schema='{"type": "nonsense"}'),
    "in one piece": in_one_piece,
    "weighed": weighed,
    "tokenized": tokenized,
    "too long a prompt": goes_on("a" * 300, 4, context_length=1000),
    "too long a reply": goes_on("a", 900, context_length=1000),
    "another model": goes_on("a", 4, other={"model": "nobody's"}),
    "a wrong value": goes_on("a", 4, other={"top_k": MANY, "sampling_params": {"top_k": MANY}}),
}
