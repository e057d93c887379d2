"""The one engine and its thread: clients take turns at it, and who leaves is forgotten.

Everything that touches the engine happens in that thread. Knows tasks and events; no HTTP.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

from ..events import Event
from ..generation.local import LocalCompleter
from ..model.engine import Cancelled
from .metrics import Metrics
from .prefixes import Prefixes
from .task import Task
from .turns import Client, Turns


@dataclass(frozen=True)
class _Failed:
    error: BaseException


_Happening: TypeAlias = Event | _Failed | None
"""None is the end."""


class EngineRoom:
    """Has one request at a time answered, of clients in turns; ``most_waiting`` may wait."""

    def __init__(
        self, completer: LocalCompleter, prefixes: Prefixes, most_waiting: int, metrics: Metrics
    ) -> None:
        self._completer, self._prefixes = completer, prefixes
        self._turns = Turns(most_waiting)
        metrics.waiting.set_function(lambda: self._turns.n_waiting)
        metrics.running.set_function(lambda: self._turns.is_taken)
        self._thread = ThreadPoolExecutor(1, "engine")

    @asynccontextmanager
    async def events(self, client: Client, task: Task) -> AsyncIterator[AsyncIterator[Event]]:
        """Wait for the client's turn, then yield what happens; leaving stops it at once.

        The engine waits for nobody: the next one has it as soon as it is done, however slowly what
        happened is taken. Raises ``FullError``, or what the completer raises.
        """
        await self._turns.take(client)
        loop, stopped = asyncio.get_running_loop(), threading.Event()
        happened: asyncio.Queue[_Happening] = asyncio.Queue()

        def put(what: _Happening) -> None:
            loop.call_soon_threadsafe(happened.put_nowait, what)

        at_work = loop.run_in_executor(self._thread, self._work, task, put, stopped.is_set)
        at_work.add_done_callback(lambda _: self._turns.give_back(client))
        try:
            yield _taken(happened)
        finally:
            stopped.set()

    async def close(self) -> None:
        """Wait for the thread's end."""
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)

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
