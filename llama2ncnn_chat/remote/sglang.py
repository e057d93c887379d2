"""SGLang: ids go to ``/generate``, and all ids so far come back with every event, or the new ones.

Source: SGLang's documentation of its native interface, and what 0.5.23 answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from ..errors import Advice, EngineError, ModelError
from ..events import Choice
from ..generation.settings import N_TOP
from ..text.vocabulary import Vocabulary
from .dialect import (
    Ended,
    EngineFacts,
    Json,
    Request,
    Sampled,
    Step,
    Weighing,
    choice_of,
    count,
    read_of,
    without_end,
)
from .http import Connection
from .vllm import LEAST_TOP_P, told_tokens


class SGLang:
    """Implements ``Dialect``. It penalises what stands anywhere in the reply, whatever the window.

    A seed holds if it was started so, and its probabilities are those after temperature, if not.
    """

    def __init__(self, connection: Connection, info: Json, model: Json) -> None:
        """Take what ``/get_model_info`` says, and ``/v1/models`` of the model.

        Raises one of ``NOT_UNDERSTOOD`` for what isn't that.
        """
        self._connection = connection
        name = str(model.get("id") or info["model_path"])
        self.facts = EngineFacts("SGLang", name, count(model["max_model_len"]))

    def request(self, request: Request) -> tuple[str, dict[str, Any]]:
        """Ask ``/generate``; see ``Dialect``."""
        sampling = request.sampling
        return "/generate", {
            "input_ids": list(request.ids),
            "sampling_params": {
                "max_new_tokens": request.n_tokens,
                "sampling_seed": request.seed % (1 << 31),
                "temperature": sampling.temperature,
                "top_k": sampling.top_k or -1,
                "top_p": max(sampling.top_p, LEAST_TOP_P),
                "min_p": sampling.min_p,
                "repetition_penalty": sampling.repeat_penalty,
                "presence_penalty": sampling.presence_penalty,
                "frequency_penalty": sampling.frequency_penalty,
                "skip_special_tokens": False,
                **({"json_schema": request.schema} if request.schema else {}),
            },
            "stream": request.streams,
            "return_logprob": bool(request.n_choices),
            "top_logprobs_num": request.n_choices,
        }

    def reader(self, request: Request, vocabulary: Vocabulary) -> SGLangReader:
        """Read its events; see ``Dialect``."""
        return SGLangReader(request, vocabulary)

    def encode(self, text: str) -> list[int]:
        """Ask ``/tokenize``; see ``Dialect``."""
        return told_tokens(self._connection, {"prompt": text, "add_special_tokens": False})

    def vocabulary(self) -> NoReturn:
        """Refuse; see ``Dialect``."""
        raise ModelError("SGLang doesn't tell its vocabulary", Advice.NAME_TOKENIZER)

    def weighing(self, ids: Sequence[int], start: int) -> Weighing:
        """Ask for the logarithms of a prompt; see ``Dialect``."""

        def read(answer: Json) -> list[Choice]:
            meta, n = answer["meta_info"], len(ids) - start
            told, top = meta["input_token_logprobs"][-n:], meta["input_top_logprobs"][-n:]
            each = zip(ids[start:], told, top, strict=True)
            return [_choice(token, at, likely, N_TOP) for token, at, likely in each]

        body = {
            "input_ids": list(ids),
            "sampling_params": {"max_new_tokens": 1, "temperature": 0},
            "return_logprob": True,
            "logprob_start_len": start - 1,
            "top_logprobs_num": N_TOP,
        }
        return Weighing("/generate", body, read)


class SGLangReader:
    """Implements ``Reader``."""

    end = None

    def __init__(self, request: Request, vocabulary: Vocabulary) -> None:
        self._n_choices, self._vocabulary = request.n_choices, vocabulary
        self._n = 0

    def feed(self, event: Json) -> Iterator[Step]:
        """Yield what an event says; see ``Reader``."""
        meta = event["meta_info"]
        all_or_new = [int(token) for token in event["output_ids"]]
        n = count(meta["completion_tokens"])
        # An engine may be told to send only what is new: then there are fewer than it counts.
        known = self._n if len(all_or_new) == n else 0
        tokens = all_or_new[known:]
        if not self._n:
            yield read_of(meta["prompt_tokens"], meta.get("cached_tokens", 0))
        reason = (meta.get("finish_reason") or {}).get("type")
        if reason == "abort":
            raise EngineError(f"the engine gave up: {meta['finish_reason'].get('message')!r:.200}")
        shown = without_end(tokens, self._vocabulary) if reason == "stop" else tokens
        for at, token in enumerate(shown, known):
            choice = None
            if self._n_choices:
                each, top = meta["output_token_logprobs"][at], meta["output_top_logprobs"][at]
                choice = _choice(token, each, top, self._n_choices)
            yield Sampled(token, choice)
        self._n = n
        if reason:
            yield Ended(stops=reason == "stop")


def _choice(token: int, told: Sequence[Any], top: Sequence[Any], n: int) -> Choice:
    if int(told[1]) != token:
        raise ValueError(f"it tells of the token {told[1]} where {token} stands")
    return choice_of(token, told[0], ((int(each[1]), each[0]) for each in top), n)
