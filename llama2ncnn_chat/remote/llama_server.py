"""llama.cpp's ``llama-server``: ids go to ``/completion``, and ids come back as a stream.

Source: ``tools/server`` of llama.cpp, its README, and what it answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, NoReturn

from ..errors import Advice, ChatError, EngineError
from ..generation.settings import Sampling
from ..text.tokenizers.file_vocabulary import KNOWN_ENDS, FileVocabulary
from ..text.vocabulary import Vocabulary
from .asking import ASKING_SECONDS, AskingEncoder
from .dialect import (
    NOT_UNDERSTOOD,
    Ended,
    EngineFacts,
    Json,
    Missed,
    Read,
    Request,
    Sampled,
    Step,
    choice_of,
    count,
    read_of,
)
from .http import Connection
from .kept_pieces import kept_pieces
from .missed import Missing
from .probes import fingerprint

SAMPLERS = ("penalties", "top_k", "top_p", "min_p", "temperature")
"""Those that are asked for, in the order that they have here; what it was started with is off."""

RENAMED = {"penalty_window": "repeat_last_n"}


class LlamaServer:
    """Implements ``Dialect``."""

    def __init__(self, connection: Connection, props: Json, model: Json) -> None:
        """Take what ``/props`` says, and ``/v1/models`` of the model.

        Raises one of ``NOT_UNDERSTOOD`` for what isn't that.
        """
        self._connection = connection
        self._n_vocab = count(model["meta"]["n_vocab"])
        tokens = {name: props.get(name) for name in ("bos_token", "eos_token")}
        self.facts = EngineFacts(
            "llama-server",
            str(model["id"]),
            count(props["default_generation_settings"]["n_ctx"]),
            str(props.get("chat_template") or ""),
            tuple((name, text) for name, text in tokens.items() if isinstance(text, str) and text),
        )

    def request(self, request: Request) -> tuple[str, dict[str, Any]]:
        """Ask ``/completion``; see ``Dialect``."""
        return "/completion", {
            **_sampling(request.sampling),
            "prompt": list(request.ids),
            "n_predict": request.n_tokens,
            "seed": request.seed % 0xFFFFFFFF,  # the highest one is another each time
            "n_probs": request.n_choices,
            "post_sampling_probs": False,
            "stream": request.streams,
            "return_tokens": True,
            "return_progress": request.streams,
            "cache_prompt": True,
            **({"json_schema": json.loads(request.schema)} if request.schema else {}),
        }

    def reader(self, request: Request, vocabulary: Vocabulary) -> LlamaReader:
        """Read its events; see ``Dialect``."""
        return LlamaReader(request, vocabulary)

    def encode(self, text: str, seconds: float = ASKING_SECONDS) -> list[int]:
        """Ask ``/tokenize``, and wait for so many seconds; see ``Dialect``."""
        return [token for token, _ in self._pieces_of(text, seconds)]

    def weighing(self, ids: Sequence[int], start: int) -> NoReturn:  # noqa: ARG002
        """Refuse; see ``Dialect``."""
        raise ChatError(
            f"{self.facts.kind} tells what a model thinks of tokens that it samples, and not of "
            "those that are there already"
        )

    def vocabulary(self) -> FileVocabulary:
        """Ask for all that makes one; the pieces, once; see ``Dialect``."""
        first = self._pieces_of("a", with_pieces=True)[:1]
        prefixed = [piece for _, piece in first] != ["a"]
        encoder = AskingEncoder(self.encode, prefixed=prefixed)
        key = fingerprint(self._n_vocab, lambda text: encoder.encode(text, True))
        pieces = kept_pieces(key, self._n_vocab, self._all_pieces)
        controls = self._controls([token for token, piece in enumerate(pieces) if not piece])
        own = dict(self.facts.special_tokens).get("eos_token", "")
        ends = map(controls.get, (own, *KNOWN_ENDS))
        return FileVocabulary(
            pieces,
            controls,
            encoder,
            tuple(token for token, _ in self._pieces_of("", add_special=True)),
            frozenset(token for token in ends if token is not None),
            strips_space=prefixed,
            begins_after_controls=prefixed,
        )

    def _all_pieces(self) -> list[bytes]:
        """Ask for all pieces at once: as what might follow the first token."""
        body = {"prompt": [0], "n_predict": 1, "n_probs": self._n_vocab, "temperature": 0}
        answer = self._connection.post("/completion", body)
        pieces: dict[int, bytes] = {}
        try:
            for each in answer["completion_probabilities"][0]["top_logprobs"]:
                pieces[int(each["id"])] = bytes([*each["bytes"]])
            return [pieces[token] for token in range(self._n_vocab)]
        except NOT_UNDERSTOOD as e:
            raise EngineError(
                f"the engine at {self._connection.place} doesn't tell its vocabulary",
                Advice.NAME_TOKENIZER,
            ) from e

    def _controls(self, without_bytes: list[int]) -> dict[str, int]:
        """Return the names of control tokens: what reads as one of those that have no bytes."""
        text = self._connection.post("/detokenize", {"tokens": without_bytes})["content"]
        named = self._pieces_of(text, parse_special=True, with_pieces=True)
        wanted = set(without_bytes)
        return {name: token for token, name in named if token in wanted and isinstance(name, str)}

    def _pieces_of(
        self, text: str, seconds: float = ASKING_SECONDS, **more: bool
    ) -> list[tuple[int, Any]]:
        body = {"content": text, "add_special": False, "parse_special": False, **more}
        answer = self._connection.post("/tokenize", body, seconds=seconds)
        try:
            tokens = answer["tokens"]
            if more.get("with_pieces"):
                return [(int(each["id"]), each["piece"]) for each in tokens]
            return [(int(token), None) for token in tokens]
        except NOT_UNDERSTOOD as e:
            raise EngineError(
                f"the engine at {self._connection.place} doesn't tell the tokens of a text"
            ) from e


class LlamaReader:
    """Implements ``Reader``.

    The stream leaves out tokens at which a character isn't whole yet: they are found by their
    bytes, which come with the next one.
    """

    end = None

    def __init__(self, request: Request, vocabulary: Vocabulary) -> None:
        self._n_choices, self._vocabulary = request.n_choices, vocabulary
        self._missing, self._n = Missing(vocabulary), 0
        self._held: list[Sampled] = []  # what may turn out to be the end

    def feed(self, event: Json) -> Iterator[Step]:
        """Yield what an event says; see ``Reader``."""
        if progress := event.get("prompt_progress"):
            yield read_of(progress["processed"], progress["cache"])
            return
        tokens = [int(token) for token in event.get("tokens", ())]
        n = count(event["tokens_predicted"])
        missed = n - self._n - len(tokens)
        if missed < 0:
            raise ValueError(f"it has sampled {n} tokens, and told of more")
        found: list[int] | None = []
        if missed:
            text = str(event["content"])
            found = self._missing.find(missed, text, tokens[0]) if tokens else None
        if found is None:
            yield from self._held
            yield Missed(missed)
            return
        self._n = n
        told = event.get("completion_probabilities") or ()
        for step in (*map(Sampled, found), *_sampled(tokens, told, self._n_choices)):
            yield from self._held
            self._held = []
            if self._may_end(step.token):
                self._held = [step]
            else:
                yield step
        if event.get("stop"):
            yield from self._ended(event)

    def _may_end(self, token: int) -> bool:
        """Tell whether the engine may stop here without this vocabulary knowing that."""
        vocabulary = self._vocabulary
        known = token < vocabulary.vocab_size and token not in vocabulary.ends
        return known and not vocabulary.piece(token)

    def _ended(self, event: Json) -> Iterator[Step]:
        stops = event.get("stop_type") == "eos"
        if not stops:
            yield from self._held
        timings = event.get("timings") or {}
        read = Read(count(timings.get("cache_n", 0)), count(timings.get("prompt_n", 0)))
        yield Ended(stops, read)


def _sampled(tokens: list[int], told: Sequence[Json], n_choices: int) -> Iterator[Sampled]:
    """Yield tokens with what is told of them; nothing, if that is told of some of them only."""
    if len(told) != len(tokens):
        yield from map(Sampled, tokens)
        return
    for token, each in zip(tokens, told, strict=True):
        if int(each["id"]) != token:
            raise ValueError(f"it tells of the token {each['id']} where {token} stands")
        top = ((int(t["id"]), t["logprob"]) for t in each["top_logprobs"])
        yield Sampled(token, choice_of(token, each["logprob"], top, n_choices))


def _sampling(sampling: Sampling) -> dict[str, Any]:
    """Return what a sampling is called there, and no more than what it says."""
    said = {RENAMED.get(name, name): value for name, value in asdict(sampling).items()}
    return {**said, "samplers": list(SAMPLERS), "mirostat": 0, "dynatemp_range": 0}
