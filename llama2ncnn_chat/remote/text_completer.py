"""An engine that takes messages as a completer: ids become messages, and text comes back as bytes.

Nobody here counts its tokens: how many there were is what it tells itself, if it does.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import NoReturn

from ..errors import ChatError
from ..events import Event, Events, Finished, TextDelta
from ..generation.completer import UNKNOWN_LENGTH, Draws, Limits, never
from ..generation.decoding import Decoding
from ..generation.grammar import is_json
from ..generation.settings import Sampling
from ..model.engine import Cancelled
from ..text.messages import MESSAGE_IDS, messages_of
from ..text.reasoning import reasoning_and_answer
from .answering import Question, with_what_came
from .chat_server import EXTRAS, ChatRequest, ChatServer
from .dialect import Ended, Said, Step
from .elsewhere import Elsewhere
from .http import Connection, RefusalError
from .watch import Clock, Watch

MAX_REPLY = 4 << 20
"""Bytes that are taken of an answer: four for each token of a context of a million."""

NOT_LIKED = (400, 422)
"""What a server answers to a request that has something in it that it doesn't take."""


class TextCompleter(Elsewhere):
    """Implements ``Completer`` with the ids of ``text.messages``."""

    context_length = UNKNOWN_LENGTH

    def __init__(
        self,
        connection: Connection,
        server: ChatServer,
        *,
        threads: int = 1,
        clock: Clock = time.perf_counter,
    ) -> None:
        super().__init__(connection, threads, clock)
        self._server = server
        self._extras: Sequence[tuple[str, ...]] = EXTRAS

    def complete(
        self,
        ids: Sequence[int],
        sampling: Sampling,
        draws: Draws,
        limits: Limits,
        *,
        wants_choices: bool = False,  # noqa: ARG002
        cancelled: Cancelled = never,
    ) -> Events:
        """Have the engine answer the messages that ``ids`` say; see ``Completer``.

        Raises ``EngineError``, in mid-text too: what came until then was yielded.
        """
        self.refuse_unfit(limits)
        asked, n = messages_of(ids), limits.max_tokens
        request = ChatRequest(asked, sampling, draws.seed, n, limits.schema)
        return self._complete(request, limits, cancelled)

    def weigh(
        self,
        ids: Sequence[int],  # noqa: ARG002
        start: int,  # noqa: ARG002
        *,
        cancelled: Cancelled = never,  # noqa: ARG002
    ) -> NoReturn:
        """Refuse; see ``Completer``."""
        raise ChatError(f"{self._server.kind} tells text, and not the tokens behind it")

    def _complete(
        self, request: ChatRequest, limits: Limits, cancelled: Cancelled
    ) -> Generator[Event, None, None]:
        text, watch = Decoding(MESSAGE_IDS, limits), Watch(self._clock)
        asked = self._ask(request, text, watch, cancelled)
        n_sampled = yield from with_what_came(text, asked, goes_on=request.schema is None)
        _, answer = reasoning_and_answer(bytes(text.ids).decode("utf-8", "replace"))
        cut = request.schema is not None and not is_json(answer)
        timings = watch.timings(n_sampled)
        yield Finished(text.reason, tuple(text.ids), timings, stop=text.stop, json_cut=cut)

    def _ask(
        self, request: ChatRequest, text: Decoding, watch: Watch, cancelled: Cancelled
    ) -> Generator[TextDelta, None, int]:
        """Take up an answer; returns how many tokens it has, as the engine counts."""
        with closing(self._steps(request, self._extras, cancelled)) as steps:
            for step in steps:
                if isinstance(step, Said):
                    watch.reads()
                    yield _taken(step.text, text)
                elif isinstance(step, Ended):
                    if step.read:
                        watch.note(step.read)
                    text.reason = "stop" if step.stops else "length"
                    return step.n_sampled
                if text.is_ended or len(text.ids) >= MAX_REPLY:
                    return 0
        text.reason = "cancelled"
        return 0

    def _steps(
        self, request: ChatRequest, left: Sequence[tuple[str, ...]], cancelled: Cancelled
    ) -> Generator[Step, None, None]:
        """Ask, and where that isn't liked again with less, down to what any server takes."""
        extras, *less = left
        try:
            for step in self._asked(replace(request, extras=extras), cancelled):
                self._extras = left  # what was left out was it, and so it will be
                yield step
        except RefusalError as e:
            if not less or e.status not in NOT_LIKED:
                raise
        else:
            return
        yield from self._steps(request, less, cancelled)

    def _asked(self, request: ChatRequest, cancelled: Cancelled) -> Generator[Step, None, None]:
        def ask() -> Question:
            return *self._server.request(request), self._server.reader(request)

        yield from self._answering.steps(ask, cancelled)


def _taken(said: str, text: Decoding) -> TextDelta:
    """Add more text, up to a stop string; returns what that shows."""
    shown, n_before = [], len(text.ids)
    for byte in MESSAGE_IDS.encode(said, bos=False):
        shown += [delta.text for delta in text.take(byte, None)]
        if text.is_ended:
            break
    return TextDelta("".join(shown), tuple(text.ids[n_before:]), are_tokens=False)
