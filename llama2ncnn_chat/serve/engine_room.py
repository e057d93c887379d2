"""The one engine and its thread: requests wait for it in line, and who leaves is forgotten.

Everything that touches the engine happens in that thread. Knows tasks and events; no HTTP.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass

from anyio import CancelScope

from ..events import Event
from ..generation.local import LocalCompleter
from .metrics import Metrics
from .prefixes import Prefixes
from .task import Task
from .wanted import BadRequestError

RETRY_AFTER = 5
"""Seconds after which a client that was sent away may ask again."""


class FullError(BadRequestError):
    """So many are waiting already that one more is sent away."""

    def __init__(self, n_waiting: int) -> None:
        """Take how many wait."""
        super().__init__(f"{n_waiting} requests are waiting already", "try again later", status=429)


@dataclass(frozen=True)
class _Failed:
    error: BaseException


class EngineRoom:
    """Has one request at a time answered, in the order in which they came.

    Of those that wait there are ``most_waiting`` at most.
    """

    def __init__(
        self, completer: LocalCompleter, prefixes: Prefixes, most_waiting: int, metrics: Metrics
    ) -> None:
        self._completer, self._prefixes = completer, prefixes
        self._most_waiting, self._metrics = most_waiting, metrics
        self._turn = asyncio.Lock()  # which wakes those who wait in their order
        self._n_waiting, self._n_here = 0, 0  # of those here, one may be answered
        self._thread = ThreadPoolExecutor(1, "engine")

    @asynccontextmanager
    async def events(self, task: Task) -> AsyncIterator[AsyncIterator[Event]]:
        """Wait for the engine, then yield what happens; leaving stops it at once.

        Raises ``FullError``, or what the completer raises.
        """
        if self._n_here > self._most_waiting:
            raise FullError(self._n_waiting)
        self._n_here += 1
        try:
            with self._in_line():
                await self._turn.acquire()
            try:
                self._metrics.running.set(1)
                async with aclosing(self._answer(task)) as events:
                    yield events
            finally:
                self._metrics.running.set(0)
                self._turn.release()
        finally:
            self._n_here -= 1

    async def close(self) -> None:
        """Wait for the thread's end."""
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)

    @contextmanager
    def _in_line(self) -> Iterator[None]:
        self._n_waiting += 1
        self._metrics.waiting.set(self._n_waiting)
        try:
            yield
        finally:
            self._n_waiting -= 1
            self._metrics.waiting.set(self._n_waiting)

    async def _answer(self, task: Task) -> AsyncGenerator[Event, None]:
        loop, stopped = asyncio.get_running_loop(), threading.Event()
        happened: asyncio.Queue[Event | _Failed | None] = asyncio.Queue()

        def put(what: Event | _Failed | None) -> None:
            loop.call_soon_threadsafe(happened.put_nowait, what)

        def work() -> None:
            try:
                self._prefixes.make_ready(task.ids)
                for event in self._completer.complete(
                    task.ids,
                    task.sampling,
                    task.draws,
                    task.limits,
                    wants_choices=task.n_top is not None,
                    cancelled=stopped.is_set,
                ):
                    put(event)
                put(None)
            except BaseException as e:  # noqa: BLE001 (raised where it is awaited)
                put(_Failed(e))

        at_work = loop.run_in_executor(self._thread, work)
        try:
            while (what := await happened.get()) is not None:
                if isinstance(what, _Failed):
                    raise what.error
                yield what
        finally:
            stopped.set()
            with CancelScope(shield=True):  # nobody else may have the engine before
                await at_work
