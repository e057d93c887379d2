"""Whose turn it is: the laws of a line, whoever comes, goes and hangs up in whatever order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import cycle
from typing import Literal, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from llama2ncnn_chat.serve.turns import Client, FullError, Turns

ROOM = 1000
"""For all that come."""
CLIENTS = st.builds(Client, st.sampled_from("abc"), st.sampled_from("xyz"))
What: TypeAlias = Literal["came", "had", "ended", "left", "refused"]
Act: TypeAlias = Client | int | None
"""A request of a client's; one of those here hangs up; None: whose turn it is ends it."""
ACTS = st.lists(CLIENTS | st.integers(0, 3) | st.none(), max_size=40)
PAUSES = st.lists(st.integers(0, 3), min_size=1, max_size=5)
"""How many steps all others take after an act, over and over."""
SETTLED = 10
"""Steps after which nothing moves any more."""


@dataclass(frozen=True)
class Happened:
    what: What
    client: Client
    number: int


@dataclass
class Crowd:
    """Requests at one line; ``log`` has what became of them."""

    turns: Turns
    log: list[Happened] = field(default_factory=list)
    _requests: list[asyncio.Task[None]] = field(default_factory=list)
    _end: asyncio.Event = field(default_factory=asyncio.Event)

    def act(self, act: Act) -> None:
        """Have something happen, which takes effect as the others take steps."""
        if isinstance(act, Client):
            self._requests.append(asyncio.create_task(self._ask(act, len(self._requests))))
        elif act is None:
            self._end.set()
        elif here := [request for request in self._requests if not request.done()]:
            here[act % len(here)].cancel()

    async def end(self) -> None:
        """Let all have their turns, which takes each of them a few steps."""
        for _ in range(SETTLED * len(self._requests)):
            self._end.set()
            await asyncio.sleep(0)
        assert all(request.done() for request in self._requests)

    async def _ask(self, client: Client, number: int) -> None:
        def tell(what: What) -> None:
            self.log.append(Happened(what, client, number))

        tell("came")
        try:
            await self.turns.take(client)
        except FullError:
            tell("refused")
            return
        except asyncio.CancelledError:
            tell("left")
            raise
        tell("had")
        try:
            self._end.clear()
            await self._end.wait()
        finally:
            tell("ended")
            self.turns.give_back(client)


def happened(
    acts: Iterable[Act], pauses: Iterable[int], most_waiting: int = ROOM
) -> list[Happened]:
    """What becomes of requests, after all of which the line is empty."""

    async def talk() -> list[Happened]:
        crowd = Crowd(Turns(most_waiting))
        for act, pause in zip(acts, cycle(pauses)):
            crowd.act(act)
            for _ in range(pause):
                await asyncio.sleep(0)
            assert crowd.turns.n_waiting <= most_waiting
        await crowd.end()
        assert (crowd.turns.n_waiting, crowd.turns.is_taken) == (0, False)
        return crowd.log

    return asyncio.run(talk())


def refuse_unfair(log: Iterable[Happened], key: Callable[[Client], str]) -> None:
    """Fail where one had to wait for more than a turn of each that stood there when it came."""
    waiting = Counter[str]()
    running = ""
    allowed = dict[str, set[str]]()  # whom each that waits may have to wait for

    def begin(who: str) -> None:
        if who not in allowed and waiting[who] and who != running:
            allowed[who] = {other for other in waiting if waiting[other]} - {who, running}

    for each in log:
        who = key(each.client)
        if each.what == "came":
            waiting[who] += 1
        elif each.what == "ended":
            running = ""
        else:
            waiting[who] -= 1
            if each.what == "had":
                running = who
                allowed.pop(who, None)
                for others in allowed.values():
                    others.remove(who)  # KeyError: it isn't its turn
            elif not waiting[who]:
                allowed.pop(who, None)
        begin(who)


@settings(max_examples=200)
@given(ACTS, PAUSES)
def test_nobody_waits_for_more_than_one_turn_of_each_who_stood_there(
    acts: list[Act], pauses: list[int]
) -> None:
    log = happened(acts, pauses)
    refuse_unfair(log, lambda client: client.address)
    for address in "abc":
        at = [each for each in log if each.client.address == address]
        refuse_unfair(at, lambda client: client.name)


@settings(max_examples=200)
@given(ACTS, PAUSES)
def test_all_are_answered_one_at_a_time_and_a_clients_own_as_they_came(
    acts: list[Act], pauses: list[int]
) -> None:
    log = happened(acts, pauses)
    at_work = [each for each in log if each.what in ("had", "ended")]
    assert [each.what for each in at_work] == ["had", "ended"] * (len(at_work) // 2)
    ends = Counter(each.number for each in log if each.what in ("ended", "left"))
    assert ends == Counter(each.number for each in log if each.what == "came")
    had = [each for each in at_work if each.what == "had"]
    for client in {each.client for each in had}:
        own = [each.number for each in had if each.client == client]
        assert own == sorted(own)


@settings(max_examples=200)
@given(ACTS, st.integers(0, 4))
def test_one_too_many_is_the_last_of_who_has_the_most(acts: list[Act], most_waiting: int) -> None:
    waiting = dict[int, Client]()
    came = None
    for each in happened(acts, [SETTLED], most_waiting):
        if each.what == "came":
            came = waiting[each.number] = each.client
        elif each.what != "ended":
            if each.what == "refused":
                assert came
                assert len(waiting) == most_waiting + 1
                at = Counter(client.address for client in waiting.values())
                of = Counter(waiting.values())
                sent = each.client
                assert at[sent.address] == max(at.values())
                assert of[sent] == max(n for c, n in of.items() if c.address == sent.address)
                assert each.number == max(n for n, c in waiting.items() if c == sent)
                if sent.address != came.address:  # who comes has less than whom it drives out
                    assert at[came.address] < at[sent.address]
                elif sent != came:
                    assert of[came] < of[sent]
            del waiting[each.number]
