"""What kinds of engines have in common: how they are asked to go on, and what their answers say.

Values and a protocol; a module for each kind implements it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from ..events import Choice
from ..generation.settings import Sampling
from ..text.tokenizers.file_vocabulary import FileVocabulary
from ..text.vocabulary import Vocabulary

Json: TypeAlias = Mapping[str, Any]
"""An object of an answer, or of a request."""

MAX_COUNT = 1 << 31
"""What nobody has more tokens than."""

NOT_UNDERSTOOD = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
"""What comes of reading an answer that isn't what it should be."""


@dataclass(frozen=True)
class Request:
    """Go on from ``ids`` for at most ``n_tokens``, telling of the ``n_choices`` likeliest of each.

    Unless it ``streams`` the answer comes in one piece. What follows the ids fits the JSON schema
    ``schema``, a text, if there is one.
    """

    ids: tuple[int, ...]
    sampling: Sampling
    seed: int
    n_tokens: int
    n_choices: int = 0
    streams: bool = True
    schema: str | None = None


@dataclass(frozen=True)
class Read:
    """So many tokens of the prompt were in the cache, so many have been read besides."""

    cached: int
    processed: int


@dataclass(frozen=True)
class Sampled:
    """A token, and what the model thought of it, where that is told."""

    token: int
    choice: Choice | None = None


@dataclass(frozen=True)
class Said:
    """More text, from an engine that tells no tokens."""

    text: str


@dataclass(frozen=True)
class Missed:
    """So many tokens were sampled of which it isn't told which they are."""

    n: int


@dataclass(frozen=True)
class Ended:
    """The end of the answer: by an end of the model (``stops``), or because there is no room.

    ``read`` is how much of the prompt was read, if that is told only now; ``n_sampled`` is how many
    tokens followed, where they weren't told themselves.
    """

    stops: bool
    read: Read | None = None
    n_sampled: int = 0


Step: TypeAlias = Read | Sampled | Said | Missed | Ended


class Reader(Protocol):
    """Reads one answer, event by event."""

    @property
    def end(self) -> Ended | None:
        """What it means if nothing more comes; None if the answer has broken off then."""

    def feed(self, event: Json) -> Iterator[Step]:
        """Yield what an event says. Raises one of ``NOT_UNDERSTOOD``."""


@dataclass(frozen=True)
class EngineFacts:
    """What an engine says of itself: its kind, its model's name, how long a text may be.

    ``chat_template`` is Jinja, and ``special_tokens`` the texts that it may ask for by name.
    """

    kind: str
    model: str
    context_length: int
    chat_template: str = ""
    special_tokens: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Weighing:
    """Asks what the model thinks of a text; ``read`` finds that in the answer.

    It raises one of ``NOT_UNDERSTOOD``.
    """

    path: str
    body: Json
    read: Callable[[Json], list[Choice]]


class Dialect(Protocol):
    """One kind of engine."""

    @property
    def facts(self) -> EngineFacts:
        """What it is."""

    def request(self, request: Request) -> tuple[str, dict[str, Any]]:
        """Return the path and the body that ask it to go on."""

    def reader(self, request: Request, vocabulary: Vocabulary) -> Reader:
        """Return what reads its answer."""

    def encode(self, text: str) -> list[int]:
        """Return its ids of a text that begins one, without what it puts before.

        The name of a control token becomes one, or stays text, as the engine does it: no person's
        text goes there unless the engine's vocabulary is the one in use. Raises ``EngineError``.
        """

    def vocabulary(self) -> FileVocabulary:
        """Ask for the whole vocabulary.

        Raises ``EngineError``, and ``ModelError`` where it doesn't tell.
        """

    def weighing(self, ids: Sequence[int], start: int) -> Weighing:
        """Return what asks what the model thinks of the ids from ``start`` on.

        Raises ``ChatError`` where it doesn't tell.
        """


def count(told: Any) -> int:
    """Return how many tokens an engine tells. Raises one of ``NOT_UNDERSTOOD`` where that is none.

    What is taken for a count is computed with, and shown, for as long as a session is kept.
    """
    n = int(told)
    if not 0 <= n <= MAX_COUNT:
        raise ValueError(f"it counts {n} tokens")
    return n


def read_of(prompt: Any, cached: Any) -> Read:
    """Return how much of a prompt was read, of which some was cached; raises as ``count`` does."""
    n = count(prompt)
    n_cached = min(count(cached), n)
    return Read(n_cached, n - n_cached)


def choice_of(token: int, logprob: float, top: Iterable[tuple[int, float]], n: int) -> Choice:
    """Return a choice, with the ``n`` likeliest, from the natural logarithms that are told.

    What is impossible, under a schema, isn't likely.
    """
    possible = [(i, p) for i, value in top if (p := _probability(value))]
    likeliest = sorted(possible, key=lambda pair: -pair[1])
    return Choice(token, _probability(logprob), tuple(likeliest[:n]))


def held_to(schema: str) -> dict[str, Any]:
    """Ask for JSON as OpenAI has it: what all versions of vLLM know, and many others."""
    wrapped = {"name": "reply", "schema": json.loads(schema)}
    return {"response_format": {"type": "json_schema", "json_schema": wrapped}}


def without_end(tokens: list[int], vocabulary: Vocabulary) -> list[int]:
    """Leave out the end that an engine has stopped at, if this vocabulary doesn't know it as one.

    It would be taken for a part of the text.
    """
    return tokens if not tokens or tokens[-1] in vocabulary.ends else tokens[:-1]


def _probability(logprob: float) -> float:
    return min(1.0, math.exp(float(logprob)))  # of what is impossible: -inf, or -9999
