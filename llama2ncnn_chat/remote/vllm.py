"""vLLM, alone or behind a router that speaks as it does: ids go to ``/v1/completions``.

Source: vLLM's documentation of its server, the fields of its requests, and what 0.32.0 answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from ..errors import Advice, EngineError, ModelError
from ..events import Choice
from ..generation.settings import N_TOP
from ..text.vocabulary import Vocabulary
from .dialect import (
    NOT_UNDERSTOOD,
    Ended,
    EngineFacts,
    Json,
    Request,
    Sampled,
    Step,
    Weighing,
    choice_of,
    count,
    held_to,
    without_end,
)
from .http import Connection

ID = "token_id:"
"""What stands before an id where a token's text would stand."""

LEAST_TOP_P = 1e-6


class Vllm:
    """Implements ``Dialect``. It penalises what stands anywhere in the reply, whatever the window,
    and what is repeated of the prompt, too."""

    def __init__(self, connection: Connection, version: Json, model: Json) -> None:
        """Take what ``/version`` says, and ``/v1/models`` of the model.

        Raises one of ``NOT_UNDERSTOOD`` for what isn't that.
        """
        self._connection, self._model = connection, str(model["id"])
        kind = f"vLLM {version['version']}"
        self.facts = EngineFacts(kind, self._model, count(model["max_model_len"]))

    def request(self, request: Request) -> tuple[str, dict[str, Any]]:
        """Ask ``/v1/completions``; see ``Dialect``."""
        sampling = request.sampling
        return "/v1/completions", {
            "model": self._model,
            "prompt": list(request.ids),
            "max_tokens": request.n_tokens,
            "seed": request.seed,
            "temperature": sampling.temperature,
            "top_k": sampling.top_k or -1,
            "top_p": max(sampling.top_p, LEAST_TOP_P),
            "min_p": sampling.min_p,
            "repetition_penalty": sampling.repeat_penalty,
            "presence_penalty": sampling.presence_penalty,
            "frequency_penalty": sampling.frequency_penalty,
            "stream": request.streams,
            "return_token_ids": True,
            "return_tokens_as_token_ids": True,
            **({"logprobs": request.n_choices} if request.n_choices else {}),
            **(held_to(request.schema) if request.schema else {}),
        }

    def reader(self, request: Request, vocabulary: Vocabulary) -> VllmReader:
        """Read its chunks; see ``Dialect``."""
        return VllmReader(request, vocabulary)

    def encode(self, text: str) -> list[int]:
        """Ask ``/tokenize``; see ``Dialect``."""
        body = {"model": self._model, "prompt": text, "add_special_tokens": False}
        return told_tokens(self._connection, body)

    def vocabulary(self) -> NoReturn:
        """Refuse; see ``Dialect``."""
        raise ModelError(f"{self.facts.kind} doesn't tell its vocabulary", Advice.NAME_TOKENIZER)

    def weighing(self, ids: Sequence[int], start: int) -> Weighing:
        """Ask for the logarithms of a prompt; see ``Dialect``."""

        def read(answer: Json) -> list[Choice]:
            told = answer["choices"][0]["prompt_logprobs"]
            choices = [_weighed(token, at) for token, at in zip(ids, told, strict=True) if at]
            return choices[start - len(ids) :]

        body = {"model": self._model, "prompt": list(ids), "max_tokens": 1}
        return Weighing("/v1/completions", {**body, "prompt_logprobs": N_TOP}, read)


class VllmReader:
    """Implements ``Reader``."""

    end = None

    def __init__(self, request: Request, vocabulary: Vocabulary) -> None:
        self._n_choices, self._vocabulary = request.n_choices, vocabulary

    def feed(self, event: Json) -> Iterator[Step]:
        """Yield what a chunk says; see ``Reader``."""
        for part in event["choices"]:
            tokens = [int(token) for token in part["token_ids"] or ()]
            reason = part.get("finish_reason")
            if reason == "stop":
                tokens = without_end(tokens, self._vocabulary)
            told = part.get("logprobs") or {}
            for at, token in enumerate(tokens):
                yield Sampled(token, self._choice(token, told, at) if told else None)
            if reason:
                yield Ended(stops=reason == "stop")

    def _choice(self, token: int, told: Json, at: int) -> Choice:
        top = ((_id(name), logprob) for name, logprob in told["top_logprobs"][at].items())
        return choice_of(token, told["token_logprobs"][at], top, self._n_choices)


def told_tokens(connection: Connection, body: Json) -> list[int]:
    """Return the ids that ``/tokenize`` tells, of vLLM and of those that speak as it does."""
    answer = connection.post("/tokenize", body)
    try:
        return [int(token) for token in answer["tokens"]]
    except NOT_UNDERSTOOD as e:
        raise EngineError(
            f"the engine at {connection.place} doesn't tell the tokens of a text"
        ) from e


def _weighed(token: int, told: Json) -> Choice:
    top = ((int(i), each["logprob"]) for i, each in told.items())
    return choice_of(token, told[str(token)]["logprob"], top, N_TOP)


def _id(name: str) -> int:
    if not name.startswith(ID):
        raise ValueError(f"a token is {name!r:.40}, not its id")
    return int(name[len(ID) :])
