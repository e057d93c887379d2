"""Answers in OpenAI's words: whole ones and pieces of a stream, tokens' chances, errors.

Makes plain objects for JSON of events; knows no HTTP.
"""

from __future__ import annotations

import math
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from ..events import Choice, Finished, TextDelta
from ..text.vocabulary import Vocabulary

Kind = Literal["chat", "text"]
Json = dict[str, Any]

ID = "token_id:"
"""What stands before an id in the place of a text, as vLLM has it."""

LEAST = -9999.0
"""The log probability of what has none: JSON knows no infinity."""


def error(message: str, *, status: int, code: str = "") -> Json:
    """Say what is wrong."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": code or None}}


def usage(finished: Finished) -> Json:
    """Count the tokens of an answer."""
    timings = finished.timings
    n_prompt, n_new = timings.prompt_n + timings.cache_n, len(finished.ids)
    return {
        "prompt_tokens": n_prompt,
        "completion_tokens": n_new,
        "total_tokens": n_prompt + n_new,
        "prompt_tokens_details": {"cached_tokens": timings.cache_n},
    }


@dataclass
class Answer:
    """An answer in the making, for a conversation or a bare text: ``feed`` it what happens.

    ``n_top`` likeliest tokens are told of each token, or nothing of any if it is None. With
    ``tells_ids`` the ids are told, with ``names_ids`` they stand in the place of tokens' texts.
    """

    kind: Kind
    model: str
    vocabulary: Vocabulary
    n_top: int | None
    tells_ids: bool = False
    names_ids: bool = False
    text: str = ""
    finished: Finished | None = None
    _ids: list[int] = field(default_factory=list)
    _tokens: list[Json] = field(default_factory=list)
    _told: int = 0
    _head: Json = field(init=False)

    def __post_init__(self) -> None:
        prefix = "chatcmpl" if self.kind == "chat" else "cmpl"
        self._head = {
            "id": f"{prefix}-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": self.model,
        }

    def feed(self, event: object) -> bool:
        """Take what happened in; tells whether a stream has anything new to say."""
        if isinstance(event, Finished):
            self.finished = event
        elif isinstance(event, TextDelta):
            self.text += event.text
            self._ids += event.ids
            if event.choice and event.ids and self.n_top is not None:
                self._tokens.append(self._token(event.choice))
            return bool(event.text)
        return False

    def whole(self) -> Json:
        """Return the answer to one who didn't want a stream."""
        assert self.finished
        said: Json = {"message": {"role": "assistant", "content": self.text, "refusal": None}}
        if self.kind == "text":
            said = {"text": self.text}
        choice = {"index": 0, **said, **self._tokens_from(0), **self._end()}
        name = "chat.completion" if self.kind == "chat" else "text_completion"
        return {**self._head, "object": name, "choices": [choice], "usage": usage(self.finished)}

    def begin(self) -> Json:
        """Return the first piece of a stream, which names the role."""
        return self._piece({"delta": {"role": "assistant", "content": ""}})

    @property
    def has_untold(self) -> bool:
        """Whether there are tokens that no piece has told, as the half of a character is."""
        return self._told < len(self._ids)

    def piece(self, text: str) -> Json:
        """Return a piece of a stream, with what is wanted of the tokens since the last one."""
        new, self._told = self._told, len(self._ids)
        said: Json = {"delta": {"content": text}} if self.kind == "chat" else {"text": text}
        return self._piece({**said, **self._tokens_from(new)})

    def end(self) -> Json:
        """Return the last piece, which says why it ended."""
        said: Json = {"delta": {}} if self.kind == "chat" else {"text": ""}
        ids: Json = {"token_ids": []} if self.tells_ids else {}
        return self._piece({**said, **ids, **self._end()})

    def count(self) -> Json:
        """Return the piece after the last one, for those who want to know the tokens."""
        assert self.finished
        return {**self._piece({}), "choices": [], "usage": usage(self.finished)}

    def _piece(self, said: Json) -> Json:
        choice = {"index": 0, "logprobs": None, "finish_reason": None, **said}
        name = "chat.completion.chunk" if self.kind == "chat" else "text_completion"
        return {**self._head, "object": name, "choices": [choice]}

    def _end(self) -> Json:
        assert self.finished
        return {"finish_reason": "length" if self.finished.reason == "length" else "stop"}

    def _tokens_from(self, start: int) -> Json:
        ids = {"token_ids": self._ids[start:]} if self.tells_ids else {}
        return {"logprobs": self._logprobs(start), **ids}

    def _token(self, choice: Choice) -> Json:
        top = choice.top[: self.n_top]
        return {
            **self._chance(choice.token, choice.probability),
            "top_logprobs": [self._chance(*each) for each in top],
        }

    def _chance(self, token: int, probability: float) -> Json:
        piece = self.vocabulary.piece(token)
        logprob = math.log(probability) if probability > 0 else LEAST
        return {
            "token": f"{ID}{token}" if self.names_ids else piece.decode("utf-8", "replace"),
            "logprob": logprob,
            "bytes": list(piece),
            "id": token,
        }

    def _logprobs(self, start: int) -> Json | None:
        tokens = self._tokens[start:]
        if self.n_top is None:
            return None
        if self.kind == "chat":
            return {"content": tokens}
        return {
            "tokens": [token["token"] for token in tokens],
            "token_logprobs": [token["logprob"] for token in tokens],
            "top_logprobs": [
                {each["token"]: each["logprob"] for each in token["top_logprobs"]}
                for token in tokens
            ],
        }
