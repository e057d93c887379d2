"""An engine elsewhere as a completer: every request sends the ids so far, and its ids come back.

What ends a text and what it says is made out here, of the ids, as it is of those that are sampled
here. Knows no HTTP and no kind of engine.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from ..errors import Advice, EngineError
from ..events import Event, Events, Finished, TextDelta, Weighed
from ..generation.completer import Draws, Limits, never, refuse_too_long
from ..generation.decoding import Decoding
from ..generation.grammar import is_json
from ..generation.settings import N_TOP, Sampling
from ..model.engine import Cancelled
from ..text.vocabulary import Vocabulary
from .answering import Question, with_what_came
from .dialect import NOT_UNDERSTOOD, Dialect, Ended, Missed, Read, Request, Sampled, Step
from .elsewhere import Elsewhere
from .http import Connection
from .watch import Clock, Watch

NOT_AGAIN = "the engine left out tokens, and doesn't tell them when it is asked again"

ODD = 0x9E3779B1
"""Makes other seeds of one: a request begins its own draws."""


class RemoteCompleter(Elsewhere):
    """Implements ``Completer`` for an engine that takes ids."""

    def __init__(
        self,
        connection: Connection,
        dialect: Dialect,
        vocabulary: Vocabulary,
        context_length: int | None = None,
        *,
        threads: int = 1,
        clock: Clock = time.perf_counter,
    ) -> None:
        super().__init__(connection, threads, clock)
        self.context_length = context_length or dialect.facts.context_length
        self.dialect, self._vocabulary = dialect, vocabulary

    def complete(
        self,
        ids: Sequence[int],
        sampling: Sampling,
        draws: Draws,
        limits: Limits,
        *,
        wants_choices: bool = False,
        cancelled: Cancelled = never,
    ) -> Events:
        """Have the engine go on from ``ids``; see ``Completer``.

        Raises ``EngineError``, in mid-text too: what came until then was yielded.
        """
        refuse_too_long(len(ids), self.context_length)
        self.refuse_unfit(limits)
        room = self.context_length - len(ids)
        n = room if limits.max_tokens is None else min(limits.max_tokens, room)
        n_choices = N_TOP if wants_choices else 0
        request = Request(tuple(ids), sampling, _seed(draws, 0), n, n_choices, schema=limits.schema)
        return self._complete(request, draws, limits, cancelled)

    def weigh(self, ids: Sequence[int], start: int, *, cancelled: Cancelled = never) -> Events:
        """Ask what the model thinks of them, in one request; see ``Completer``."""
        refuse_too_long(len(ids) - 1, self.context_length)
        return self._weigh(list(ids), start, cancelled)

    def _weigh(
        self, ids: list[int], start: int, cancelled: Cancelled
    ) -> Generator[Event, None, None]:
        asked = self.dialect.weighing(ids, start)
        with closing(self._answering.events(asked.path, asked.body, cancelled)) as events:
            answer = next(events, None)
        if answer is None:
            return
        try:
            choices = asked.read(answer)
        except NOT_UNDERSTOOD as e:
            raise EngineError(
                f"the engine at {self._connection.place} doesn't tell what it thinks of a text"
            ) from e
        yield Weighed(start, tuple(choices))

    def _complete(
        self, first: Request, draws: Draws, limits: Limits, cancelled: Cancelled
    ) -> Generator[Event, None, None]:
        text, watch = Decoding(self._vocabulary, limits), Watch(self._clock, len(first.ids))
        yield watch.progress()
        asked = self._ask_all(first, text, watch, draws, cancelled)
        yield from with_what_came(text, asked, goes_on=not first.schema)
        ids, timings = tuple(text.ids), watch.timings(len(text.ids))
        cut = first.schema is not None and not is_json(b"".join(map(self._vocabulary.piece, ids)))
        yield Finished(text.reason, ids, timings, stop=text.stop, json_cut=cut)

    def _ask_all(
        self, first: Request, text: Decoding, watch: Watch, draws: Draws, cancelled: Cancelled
    ) -> Generator[Event, None, None]:
        """Ask as often as it takes for a whole text."""
        request: Request | None = first
        while request:
            request = yield from self._ask(request, first, text, watch, draws, cancelled)

    def _ask(
        self,
        request: Request,
        first: Request,
        text: Decoding,
        watch: Watch,
        draws: Draws,
        cancelled: Cancelled,
    ) -> Generator[Event, None, Request | None]:
        """Take up an answer; returns what is to be asked next, if that isn't the end."""
        n_before = len(text.ids)
        known = text.ids[len(request.ids) - len(first.ids) :]

        def ask() -> Question:
            return *self.dialect.request(request), self.dialect.reader(request, self._vocabulary)

        with closing(self._answering.steps(ask, cancelled, retries=not text.ids)) as steps:
            for step in _behind(known, steps):
                if isinstance(step, Missed):
                    if not request.streams:
                        raise EngineError(NOT_AGAIN)
                    return _asked_again(first, text.ids, draws, step.n)
                if isinstance(step, Sampled):
                    if watch.reads():
                        yield watch.progress()
                    yield from self._taken(step, text)
                elif isinstance(step, Read):
                    watch.note(step)
                    yield watch.progress()
                elif isinstance(step, Ended) and step.read and request is first:
                    watch.note(step.read)
                if isinstance(step, Ended) and step.stops:
                    text.reason = "stop"
                if text.is_ended or len(text.ids) == first.n_tokens:
                    return None
                if isinstance(step, Ended):
                    is_part = not request.streams and not first.schema
                    goes_on = is_part and len(text.ids) > n_before
                    return _asked_again(first, text.ids, draws) if goes_on else None
        text.reason = "cancelled"
        return None

    def _taken(self, step: Sampled, text: Decoding) -> Iterator[TextDelta]:
        try:
            yield from text.take(step.token, step.choice)
        except IndexError:
            raise EngineError(
                f"the engine samples the token {step.token}, which the tokenizer doesn't have",
                Advice.NAME_TOKENIZER,
            ) from None


def _asked_again(first: Request, ids: Sequence[int], draws: Draws, missed: int = 0) -> Request:
    """Ask to go on behind these ids: in one piece, where tokens were missed, that tells them.

    What has to fit a schema is asked for from its beginning.
    """
    if first.schema:
        return replace(first, streams=False)
    left = first.n_tokens - len(ids)
    return Request(
        (*first.ids, *ids),
        first.sampling,
        _seed(draws, len(ids)),
        min(missed + 1, left) if missed else left,
        first.n_choices,
        streams=not missed,
    )


def _behind(known: Sequence[int], steps: Iterator[Step]) -> Iterator[Step]:
    """Leave out the tokens that are known of an answer that repeats them; what differs raises."""
    left = iter(known)
    for step in steps:
        token = next(left, None) if isinstance(step, Sampled | Ended) else None
        if token is None:
            yield step
        elif not isinstance(step, Sampled) or step.token != token:
            raise EngineError(NOT_AGAIN)


def _seed(draws: Draws, n: int) -> int:
    """Return the seed of a request that goes on after ``n`` tokens of its own."""
    return (draws.seed + ODD * (draws.drawn + n)) % (1 << 32)
