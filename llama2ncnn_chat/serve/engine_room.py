"""The one engine and its thread: requests wait for it in line, and who leaves is forgotten.

Everything that touches the engine happens in that thread. Knows tasks and events; no HTTP.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from ..events import Event
from ..generation.local import LocalCompleter
from ..model.engine import Cancelled
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


_Happening: TypeAlias = Event | _Failed | None
"""None is the end."""


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

        The engine waits for nobody: the next one has it as soon as it is done, however slowly what
        happened is taken. Raises ``FullError``, or what the completer raises.
        """
        if self._n_here > self._most_waiting:
            raise FullError(self._n_waiting)
        await self._come()
        loop, stopped = asyncio.get_running_loop(), threading.Event()
        happened: asyncio.Queue[_Happening] = asyncio.Queue()

        def put(what: _Happening) -> None:
            loop.call_soon_threadsafe(happened.put_nowait, what)

        at_work = loop.run_in_executor(self._thread, self._work, task, put, stopped.is_set)
        at_work.add_done_callback(self._leave)
        try:
            yield _taken(happened)
        finally:
            stopped.set()

    async def close(self) -> None:
        """Wait for the thread's end."""
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)

    async def _come(self) -> None:
        self._n_here += 1
        try:
            with self._in_line():
                await self._turn.acquire()
        except BaseException:
            self._n_here -= 1
            raise
        self._metrics.running.set(1)

    def _leave(self, _done: asyncio.Future[None]) -> None:
        self._metrics.running.set(0)
        self._n_here -= 1
        self._turn.release()

    @contextmanager
    def _in_line(self) -> Iterator[None]:
        self._n_waiting += 1
        self._metrics.waiting.set(self._n_waiting)
        try:
            yield
        finally:
            self._n_waiting -= 1
            self._metrics.waiting.set(self._n_waiting)

    def _work(self, task: Task, put: Callable[[_Happening], None], stopped: Cancelled) -> None:
        """Answer in the engine's thread."""
        try:
            self._prefixes.make_ready(task.ids)
            for event in self._completer.complete(
                task.ids,
                task.sampling,
                task.draws,
                task.limits,
                wants_choices=task.n_top is not None,
                cancelled=stopped,
            ):
                put(event)
            put(None)
        except BaseException as e:  # noqa: BLE001 (raised where it is awaited)
            put(_Failed(e))


async def _taken(happened: asyncio.Queue[_Happening]) -> AsyncIterator[Event]:
    while (what := await happened.get()) is not None:
        if isinstance(what, _Failed):
            raise what.error
        yield what
