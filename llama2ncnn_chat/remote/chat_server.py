"""Whatever answers ``/v1/chat/completions``: messages go there, and text comes back as a stream.

Source: OpenAI's reference of it, and what ollama, LM Studio, mlx-lm and llama-server say that they
take besides.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..errors import EngineError
from ..generation.settings import Sampling
from ..text.messages import Message
from ..text.reasoning import BEGIN, END, reasoning_and_answer
from .dialect import Ended, Json, Said, Step, count, held_to, read_of

PATH = "/v1/chat/completions"

N_SEEDS = 1 << 31
"""Seeds that all take: some have an integer of 32 bits, with a sign."""

COMMON = ("temperature", "top_p")
"""What all take of a sampling, whatever it says."""

PENALTIES = ("presence_penalty", "frequency_penalty")
"""What all take, and most do without."""

MORE = ("top_k", "min_p", "repeat_penalty")
"""What OpenAI's own doesn't take."""

OPENAIS = ("seed", "stream_options")
"""What it takes, and others don't."""

EXTRAS = ((*MORE, *OPENAIS), OPENAIS, ())
"""What may be sent besides what all take: all of it, and less where that is refused."""

PIECE = 1024
"""Characters that are taken up at once: so much may stand between a stop and its being heard."""

REASONING = ("reasoning_content", "reasoning")
"""Where reasoning stands that is told apart: of most, and of ollama and OpenRouter."""


@dataclass(frozen=True)
class ChatRequest:
    """Answer these messages, with so many tokens at most, or go on with the last, a reply's.

    The reply fits the JSON schema ``schema``, a text, if there is one. ``extras`` are sent besides
    what all servers take.
    """

    messages: Sequence[Message]
    sampling: Sampling
    seed: int
    max_tokens: int | None = None
    schema: str | None = None
    extras: tuple[str, ...] = EXTRAS[0]


@dataclass(frozen=True)
class ChatServer:
    """An engine: its ``kind``, the ``model`` of it that is asked, and which ``others`` it has."""

    kind: str
    model: str
    others: tuple[str, ...] = ()

    def request(self, request: ChatRequest) -> tuple[str, dict[str, Any]]:
        """Return the path and the body that ask it for a reply."""
        *before, last = request.messages
        sampling, usual = asdict(request.sampling), asdict(Sampling())
        named = [*COMMON, *(name for name in PENALTIES if sampling[name])]
        named += [name for name in MORE if name in request.extras or sampling[name] != usual[name]]
        body = {
            "model": self.model,
            "messages": [*(_sent(each.role, _said(each)) for each in before), _sent(*last)],
            "stream": True,
            **{name: sampling[name] for name in named},
        }
        if request.schema is not None:
            body |= held_to(request.schema)
        if request.max_tokens is not None:
            body["max_tokens"] = request.max_tokens
        if "repeat_penalty" in body:
            body["repetition_penalty"] = body["repeat_penalty"]  # as mlx-lm and others call it
        openais = {"seed": request.seed % N_SEEDS, "stream_options": {"include_usage": True}}
        return PATH, body | {name: openais[name] for name in OPENAIS if name in request.extras}

    def reader(self, request: ChatRequest) -> ChatReader:
        """Return what reads its answer."""
        last = request.messages[-1]
        return ChatReader(thinks=last.role == "assistant" and _is_thinking(last.text))


class ChatReader:
    """Implements ``Reader``: text, and reasoning that is told apart between its tags.

    ``thinks``: the reply that is gone on with has the first tag, and not yet the last. Which tags a
    server writes itself, stand in what it says: the last one comes from here only behind reasoning
    that it has told apart.
    """

    def __init__(self, *, thinks: bool = False) -> None:
        self.end: Ended | None = None
        self._thinks, self._apart = thinks, False
        # Some cut a character in two where UTF-16 does: JSON has its halves one after the other.
        self._halves = codecs.getincrementaldecoder("utf-16-le")(errors="replace")

    def feed(self, event: Json) -> Iterator[Step]:
        """Yield what a chunk says, or an answer in one piece; see ``Reader``.

        The end is held until it is told how many tokens there were, or nothing more comes.
        """
        for choice in event.get("choices") or ():
            said = choice.get("delta") or choice.get("message") or {}
            reason = choice.get("finish_reason")
            if text := self._whole(self._joined(said), is_last=bool(reason)):
                yield from (Said(text[at : at + PIECE]) for at in range(0, len(text), PIECE))
            if reason:
                self.end = _end(reason)
        if self.end and (usage := event.get("usage")):
            yield _counted(self.end, usage)

    def _joined(self, said: Json) -> str:
        """Return the text of a piece, and the tags where reasoning begins and ends in it."""
        reasoning, answer = _text_at(said, *REASONING), _text_at(said, "content")
        text = ""
        if reasoning:
            text += reasoning if self._thinks else f"{BEGIN}\n{reasoning}"
            self._thinks = self._apart = True
        if answer:
            text += f"\n{END}\n\n{answer}" if self._apart else answer
            self._thinks = self._apart = False
        return text

    def _whole(self, text: str, *, is_last: bool) -> str:
        return self._halves.decode(text.encode("utf-16-le", "surrogatepass"), final=is_last)


def _text_at(said: Json, *names: str) -> str:
    """Return the text that stands under one of the names. Raises ``TypeError`` if it is none."""
    text = next((value for name in names if (value := said.get(name))), "")
    if not isinstance(text, str):
        raise TypeError(f"{names[0]} is no text")
    return text


def _sent(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _said(message: Message) -> str:
    """Return what goes back of a message that others follow: of a reply, all but its reasoning.

    One that has nothing else goes back whole: some servers refuse a message that is empty.
    """
    reasoning, answer = reasoning_and_answer(message.text)
    is_reply = reasoning and message.role == "assistant"
    return (answer.strip() if is_reply else "") or message.text


def _is_thinking(text: str) -> bool:
    """Tell whether a reply ends in the middle of its reasoning."""
    return text.lstrip().startswith(BEGIN) and END not in text


def _end(reason: str) -> Ended:
    """Return what it means that a reply is over. Raises ``EngineError`` if it was withheld."""
    if reason in ("content_filter", "error"):
        raise EngineError(f"the engine gave up: {reason}")
    return Ended(stops=reason != "length")


def _counted(end: Ended, usage: Json) -> Ended:
    n_prompt, n_sampled = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    n_cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return replace(end, read=read_of(n_prompt, n_cached), n_sampled=count(n_sampled))
