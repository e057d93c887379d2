"""Writes a one-shot run to standard output: the text, one JSON object, or one per event.

Knows events and nothing of where they come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from typing import Any, Protocol

from convert.streams import json_of, put, styled

from ..chat.logprobs import Logprobs
from ..events import (
    ContextShifted,
    Event,
    Finished,
    PrefillProgress,
    ReadAgain,
    Row,
    TextDelta,
    TurnAdded,
    TurnFinished,
)
from ..text.reasoning import Part, reasoning_and_answer
from .reply_parts import ReplyParts
from .terminal import DIM

Facts = Callable[[], dict[str, Any]]
"""What is known at the end besides the events: seed, model, session."""


class Sink(Protocol):
    """Takes every event of a run, the ``Finished`` last."""

    def feed(self, event: Event) -> None:
        """Write what there is to write of an event. Raises ``OSError`` as ``put`` does."""


class TextSink:
    """The generated text and a newline; to a terminal without what would command it.

    With ``dims`` a reply's reasoning comes without its tags, and dim.
    """

    def __init__(self, *, dims: bool = False) -> None:
        self._dims = dims
        self._parts: ReplyParts | None = None  # none in what is no reply

    def feed(self, event: Event) -> None:
        """Write the text of an event at once."""
        if isinstance(event, TurnAdded) and event.row.role == "assistant":
            if self._dims:
                self._parts = ReplyParts(replace(event.row, text=""))
            self._say(event.row.text)
        elif isinstance(event, TextDelta):
            self._say(event.text)
        elif isinstance(event, Finished):
            self._write(self._parts.flush() if self._parts else ())
            put("\n")

    def _say(self, text: str) -> None:
        if self._parts:
            self._write(self._parts.feed(text))
        else:
            put(text, exact=True)

    def _write(self, parts: Iterable[Part]) -> None:
        for text, is_reasoning in parts:
            put(styled(DIM, text) if is_reasoning else text, exact=True)


class JsonSink:
    """One object at the end; beside the text as it is, its reasoning and the answer, if apart.

    ``begun`` is what the text was given to begin with, if anything.
    """

    def __init__(self, facts: Facts, logprobs: Logprobs | None) -> None:
        self._facts, self._logprobs = facts, logprobs
        self._begun = self._text = ""
        self._tokens: list[dict[str, Any]] = []

    def feed(self, event: Event) -> None:
        """Collect text; write the object after the last event."""
        if isinstance(event, TurnAdded) and event.row.role == "assistant":
            self._begun = self._text = event.row.text
        elif isinstance(event, TextDelta):
            self._text += event.text
            self._tokens += _tokens_of(event, self._logprobs)
        elif isinstance(event, Finished):
            begun = {"begun": self._begun} if self._begun else {}
            apart = _apart(event.row) if isinstance(event, TurnFinished) else {}
            more = {"logprobs": self._tokens} if self._logprobs else {}
            end = _end(event, self._facts)
            _write_json({"text": self._text, **begun, **apart, **more, **end})


class NdjsonSink:
    """An object a line: ``begin``, ``prefill``, ``text``, ``shift``, ``read_again``, ``finish``."""

    def __init__(self, facts: Facts, logprobs: Logprobs | None) -> None:
        self._facts, self._logprobs = facts, logprobs

    def feed(self, event: Event) -> None:
        """Write an object for an event that has one."""
        if isinstance(event, TurnAdded) and event.row.role == "assistant" and event.row.text:
            _write_json({"event": "begin", "text": event.row.text})
        elif isinstance(event, PrefillProgress):
            _write_json({"event": "prefill", **asdict(event)})
        elif isinstance(event, TextDelta):
            tokens = {"logprobs": _tokens_of(event, self._logprobs)} if self._logprobs else {}
            ids = {"ids": event.ids} if event.are_tokens else {}
            _write_json({"event": "text", "text": event.text, **ids, **tokens})
        elif isinstance(event, ContextShifted):
            _write_json({"event": "shift", "turns": event.turns, "tokens": event.tokens})
        elif isinstance(event, ReadAgain):
            _write_json({"event": "read_again", "tokens": event.tokens})
        elif isinstance(event, Finished):
            _write_json({"event": "finish", **_end(event, self._facts)})


def make_sink(
    facts: Facts,
    *,
    as_json: bool,
    as_ndjson: bool,
    logprobs: Logprobs | None = None,
    dims: bool = False,
) -> Sink:
    """Return the sink that the flags ask for; ``dims`` is for reasoning in text.

    JSON has what ``logprobs`` makes of the tokens.
    """
    if as_ndjson:
        return NdjsonSink(facts, logprobs)
    return JsonSink(facts, logprobs) if as_json else TextSink(dims=dims)


def _apart(reply: Row) -> dict[str, str]:
    """Return the reasoning and the answer of a reply that has any reasoning."""
    reasoning, answer = reasoning_and_answer(reply.text, begun=reply.reasoning_begun)
    return {"reasoning": reasoning, "answer": answer} if reasoning.strip() else {}


def _tokens_of(event: TextDelta, logprobs: Logprobs | None) -> list[dict[str, Any]]:
    """Return an object for each id; the end, which is a choice as well, has none."""
    return [logprobs.of(event.choice)] if logprobs and event.choice and event.ids else []


def _end(event: Finished, facts: Facts) -> dict[str, Any]:
    return {"finish_reason": event.reason, **facts(), "timings": event.timings.as_dict()}


def _write_json(body: dict[str, Any]) -> None:
    put(json_of(body) + "\n")
