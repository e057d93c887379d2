"""From what a client wants to what a completer is asked: ids, sampling, chance and limits.

Knows templates and the vocabulary; no HTTP, no engine.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

import msgspec

from ..conversation.ledger import Turn
from ..conversation.renderer import renderer_of
from ..conversation.settings import Settings
from ..errors import UsageError
from ..events import Role
from ..generation.completer import Draws, Limits
from ..generation.grammar import refuse_unusable
from ..generation.settings import Sampling
from ..text.vocabulary import Vocabulary
from .wanted import BadRequestError, ChatRequest, Common, CompletionRequest, Said

DEFAULT_TOKENS = 16
"""Of ``/v1/completions``, where none are named: OpenAI's."""

SAMPLING = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
)


@dataclass(frozen=True)
class Task:
    """What goes to the completer. ``n_top`` likeliest tokens are told of each; None: nothing."""

    ids: tuple[int, ...]
    sampling: Sampling
    draws: Draws
    limits: Limits
    n_top: int | None = None


@dataclass(frozen=True)
class Tasks:
    """Makes tasks for one model: its vocabulary, its template and sampling, its context."""

    vocabulary: Vocabulary
    settings: Settings
    context_length: int

    def of_chat(self, wanted: ChatRequest) -> Task:
        """Make the task of a conversation. Raises ``BadRequestError``."""
        self._refuse_hopeless(message.text for message in wanted.messages)
        system, turns = _split(wanted.messages)
        renderer = renderer_of(replace(self.settings, system=system), self.vocabulary)
        path: list[Turn] = []
        for role, text in turns:
            if role == "user":
                ids = renderer.message(text, first=not path)
            else:
                ids = self.vocabulary.encode(text, bos=False)
            path.append(Turn(role, text, ids, path[-1] if path else None))
        begun = path.pop().ids if path[-1].role == "assistant" else []
        ids = renderer.window([*path, Turn("assistant", "", list(begun), path[-1])])
        assert self.settings.template
        limits = Limits(
            wanted.max_completion_tokens or wanted.max_tokens,
            (*self.settings.template.stops, *wanted.stops),
            tuple(begun),
            _schema_of(wanted),
            renderer.reasoning.begun,
        )
        n_top = (wanted.top_logprobs or 0) if wanted.logprobs else None
        return self._task(wanted, ids, limits, n_top)

    def of_text(self, wanted: CompletionRequest) -> Task:
        """Make the task of a bare text or of ids. Raises ``BadRequestError``."""
        prompt = wanted.text_or_ids
        ids = self.tokenize(prompt, bos=True) if isinstance(prompt, str) else prompt
        n_tokens = self.vocabulary.vocab_size - self.vocabulary.n_padding
        if not ids or max(ids) >= n_tokens:
            raise BadRequestError(f"the prompt is empty, or has an id of {n_tokens:,} or more")
        limits = Limits(wanted.max_tokens or DEFAULT_TOKENS, wanted.stops, None, _schema_of(wanted))
        return self._task(wanted, ids, limits, wanted.logprobs)

    def tokenize(self, text: str, *, bos: bool) -> list[int]:
        """Return the ids of a text, after what begins one if ``bos``.

        Raises ``BadRequestError``.
        """
        self._refuse_hopeless([text])
        return self.vocabulary.encode(text, bos=bos)

    def _task(self, wanted: Common, ids: list[int], limits: Limits, n_top: int | None) -> Task:
        self._refuse_long(len(ids))
        given = {n: v for n in SAMPLING if (v := getattr(wanted, n)) is not None}
        if wanted.repetition_penalty is not None:
            given["repeat_penalty"] = wanted.repetition_penalty
        given["top_k"] = max(0, given.get("top_k", self.settings.sampling.top_k))  # vLLM's -1
        try:
            sampling = replace(self.settings.sampling, **given)
        except UsageError as e:
            raise BadRequestError(e.message, e.hint) from None
        seed = secrets.randbits(32) if wanted.seed is None else wanted.seed % (1 << 64)
        return Task(tuple(ids), sampling, Draws(seed), limits, n_top)

    def _refuse_hopeless(self, texts: Iterable[str]) -> None:
        """Raise ``BadRequestError`` for texts that can't fit, before it takes long to encode them.

        Each is a token at least, and no token has more than the longest.
        """
        self._refuse_long(sum(1 + len(text) // self._longest for text in texts), "at least ")

    def _refuse_long(self, n: int, about: str = "") -> None:
        if n >= self.context_length:
            raise BadRequestError(
                f"this is {about}{n:,} tokens, and the context of {self.context_length:,} has "
                f"room for {self.context_length - 1:,}",
                code="context_length_exceeded",
            )

    @cached_property
    def _longest(self) -> int:
        """How many bytes the longest token has, and so how many characters at most."""
        return max(len(self.vocabulary.piece(i)) for i in range(self.vocabulary.vocab_size))


def _split(messages: Iterable[Said]) -> tuple[str, list[tuple[Role, str]]]:
    """Return the system prompt, and who says what by turns: one after the other is one turn."""
    system: list[str] = []
    said: list[tuple[Role, str]] = []
    for message in messages:
        if message.role == "user" or message.role == "assistant":
            said.append((message.role, message.text))
        else:
            system.append(message.text)
    turns = [
        (role, "\n\n".join(text for _, text in texts))
        for role, texts in groupby(said, key=lambda turn: turn[0])
    ]
    if not turns or turns[0][0] != "user":
        raise BadRequestError("a conversation begins with a message of the user's")
    return "\n\n".join(filter(None, system)), turns


def _schema_of(wanted: Common) -> str | None:
    """Return the JSON schema that the reply has to fit. Raises ``BadRequestError``."""
    form = wanted.response_format
    if form is None or form.type == "text":
        return None
    if form.type == "json_object":
        schema = {"type": "object"}
    elif form.json_schema is None:
        raise BadRequestError("response_format has no json_schema")
    else:
        schema = form.json_schema.schema
    text = msgspec.json.encode(schema).decode()
    try:
        refuse_unusable(text)
    except UsageError as e:
        raise BadRequestError(f"the schema {e.message}", e.hint) from None
    return text
