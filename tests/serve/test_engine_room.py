"""The engine's line: who waits, who is sent away, and that nobody holds it by listening slowly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from llama2ncnn_chat.events import Event, Finished
from llama2ncnn_chat.generation.completer import Draws, Limits
from llama2ncnn_chat.generation.local import LocalCompleter
from llama2ncnn_chat.generation.settings import GREEDY
from llama2ncnn_chat.launch.options import options_of
from llama2ncnn_chat.serve.engine_room import EngineRoom
from llama2ncnn_chat.serve.metrics import Metrics
from llama2ncnn_chat.serve.prefixes import Prefixes
from llama2ncnn_chat.serve.task import Task
from llama2ncnn_chat.serve.turns import Client, FullError
from tests.serve.serving import PATIENCE, flags, opened

ANN = Client("10.0.0.1")
TASK = Task((1, 50, 60), GREEDY, Draws(0), Limits(5))


@pytest.fixture(scope="module")
def completer() -> Iterator[LocalCompleter]:
    completer = opened(options_of(flags())).completer
    assert isinstance(completer, LocalCompleter)
    yield completer
    completer.close()


def run(completer: LocalCompleter, talk: Callable[[EngineRoom], Awaitable[None]]) -> None:
    """Open a room in which one may wait, and close it."""

    async def opened() -> None:
        room = EngineRoom(completer, Prefixes(completer, 0), 1, Metrics())
        await asyncio.wait_for(talk(room), PATIENCE)
        await room.close()

    asyncio.run(opened())


async def all_of(room: EngineRoom, task: Task = TASK) -> list[Event]:
    async with room.events(ANN, task) as events:
        return [event async for event in events]


def ids_of(events: list[Event]) -> tuple[int, ...]:
    end = events[-1]
    assert isinstance(end, Finished)
    return end.ids


def test_who_listens_slowly_holds_nobody_up(completer: LocalCompleter) -> None:
    async def talk(room: EngineRoom) -> None:
        async with room.events(ANN, TASK) as slow:
            first = await anext(slow)
            whole = await all_of(room)
            rest = [event async for event in slow]
        assert ids_of(whole) == ids_of([first, *rest])

    run(completer, talk)


def test_they_are_answered_as_they_came_and_no_more_than_may_wait(
    completer: LocalCompleter,
) -> None:
    async def talk(room: EngineRoom) -> None:
        done: list[int] = []

        async def ask(number: int) -> None:
            await all_of(room)
            done.append(number)

        asked = [asyncio.create_task(ask(number)) for number in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(FullError):
            await all_of(room)
        await asyncio.gather(*asked)
        assert done == [0, 1]
        await all_of(room)  # there is room again

    run(completer, talk)


def test_who_leaves_the_line_takes_no_place(completer: LocalCompleter) -> None:
    async def talk(room: EngineRoom) -> None:
        first = asyncio.create_task(all_of(room))
        waiting = asyncio.create_task(all_of(room))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.gather(first, all_of(room))

    run(completer, talk)


def test_what_goes_wrong_is_told_and_ends_nothing(completer: LocalCompleter) -> None:
    wrong = Task((1, 1 << 30), GREEDY, Draws(0), Limits(5))

    async def talk(room: EngineRoom) -> None:
        with pytest.raises(ValueError, match="token ids"):
            await all_of(room, wrong)
        assert isinstance((await all_of(room))[-1], Finished)

    run(completer, talk)
