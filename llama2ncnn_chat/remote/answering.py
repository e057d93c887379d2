"""What comes of a request to an engine: the steps of its answer, asked for twice where that helps.

Knows no HTTP and no kind of engine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import TypeAlias, TypeVar

from ..errors import Advice, EngineError
from ..events import Event
from ..generation.decoding import Decoding
from ..model.engine import Cancelled
from .dialect import NOT_UNDERSTOOD, Ended, Json, Read, Reader, Step
from .http import Connection, EndOfStream, NoAnswerError, RefusalError
from .watch import Clock

POLL_SECONDS = 0.02
PAUSE_SECONDS = 0.5
"""So long a stop may wait for, and a second attempt."""

BUSY = (429, 502, 503, 504)
"""What an engine answers that may answer otherwise soon."""

T = TypeVar("T")
Question: TypeAlias = tuple[str, Json, Reader]
"""Where to ask, with which body, and what reads the answer."""


class Answering:
    """Asks one engine."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection, self._clock = connection, clock

    def steps(
        self, ask: Callable[[], Question], cancelled: Cancelled, *, retries: bool = True
    ) -> Generator[Step, None, None]:
        """Yield what the engine answers until that has ended, or it is ``cancelled``.

        Where nothing has come yet it is asked a second time. Raises ``EngineError``.
        """
        came = False
        try:
            for step in self._answer(ask(), cancelled):
                came = came or not isinstance(step, Read)
                yield step
            return
        except EngineError as e:
            if came or not retries or not _may_help(e):
                raise
        end = self._clock() + PAUSE_SECONDS
        while self._clock() < end:
            if cancelled():
                return
            time.sleep(POLL_SECONDS)
        yield from self._answer(ask(), cancelled)

    def events(self, path: str, body: Json, cancelled: Cancelled) -> Generator[Json, None, None]:
        """Yield all that is answered until somebody stops that, who doesn't wait for the next."""
        with closing(self._connection.stream(path, body)) as stream:
            while not cancelled():
                try:
                    event = stream.take(POLL_SECONDS)
                except EndOfStream:
                    raise NoAnswerError(
                        f"the engine at {self._connection.place} broke off"
                    ) from None
                if event is not None:
                    yield event

    def _answer(self, question: Question, cancelled: Cancelled) -> Generator[Step, None, None]:
        path, body, reader = question
        with closing(self.events(path, body, cancelled)) as events:
            try:
                for event in events:
                    for step in self._read(reader.feed(event)):
                        if cancelled():
                            return
                        yield step
                        if isinstance(step, Ended):
                            return
            except NoAnswerError:
                if not reader.end:
                    raise
                yield reader.end

    def _read(self, steps: Iterator[Step]) -> Iterator[Step]:
        try:
            yield from steps
        except NOT_UNDERSTOOD as e:
            raise EngineError(
                f"the engine at {self._connection.place} answers what isn't understood: {e!r:.100}"
            ) from e


def with_what_came(
    text: Decoding, events: Generator[Event, None, T], *, goes_on: bool
) -> Generator[Event, None, T]:
    """Yield events, and then what of a text was held back, whatever ends them; returns their end.

    Raises ``EngineError``, which says so where something came that can be gone on with.
    """
    try:
        end = yield from events
    except EngineError as e:
        yield from text.flush()
        if text.ids and goes_on:
            raise EngineError(e.message, Advice.GO_ON_LATER) from e
        raise
    yield from text.flush()
    return end


def _may_help(error: EngineError) -> bool:
    """Tell whether asking again may help."""
    is_busy = isinstance(error, RefusalError) and error.status in BUSY
    return is_busy or isinstance(error, NoAnswerError)
