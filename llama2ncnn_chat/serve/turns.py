"""Whose turn it is at what only one can have: clients take turns, however much each asks for.

Knows neither the engine nor HTTP.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from .wanted import BadRequestError

RETRY_AFTER = 5
"""Seconds after which a client that was sent away may ask again."""


class FullError(BadRequestError):
    """So many are waiting already that a request is sent away."""

    def __init__(self, n_waiting: int) -> None:
        """Take how many wait."""
        super().__init__(f"{n_waiting} requests are waiting already", "try again later", status=429)


@dataclass(frozen=True)
class Client:
    """Who asks: an ``address``, and the ``name`` by which it tells itself from others there."""

    address: str
    name: str = ""


@dataclass(eq=False)
class _Place:
    """A place in line, until it is decided whether it gets the turn or is sent away."""

    client: Client
    has_turn: bool = False
    decided: asyncio.Event = field(default_factory=asyncio.Event)

    def decide(self, *, has_turn: bool) -> None:
        self.has_turn = has_turn
        self.decided.set()


class Turns:
    """Has clients take turns, and a client's own requests come in their order.

    Addresses take turns, and at an address the names: to have several gains nothing against other
    addresses. While an address waits, each other one that waited before has one turn at most, and
    one that came or had its turn later has none. The same holds for the names at an address.

    Of those that wait there are ``most_waiting`` at most. One more sends away the last request of
    who has the most of them, which may be itself.
    """

    def __init__(self, most_waiting: int) -> None:
        self.is_taken = False
        self._most_waiting = most_waiting
        self._line: dict[str, dict[str, list[_Place]]] = {}  # the next of each first

    @property
    def n_waiting(self) -> int:
        """How many requests wait."""
        return sum(map(self._n_at, self._line))

    async def take(self, client: Client) -> None:
        """Wait for a turn, which lasts until it is given back. Raises ``FullError``."""
        if not self.is_taken:
            self.is_taken = True
            return
        place = _Place(client)
        self._line.setdefault(client.address, {}).setdefault(client.name, []).append(place)
        if self.n_waiting > self._most_waiting:
            last = self._last_of_most(client)
            self._leave(last)
            last.decide(has_turn=False)
        try:
            await place.decided.wait()
        except asyncio.CancelledError:
            if not place.decided.is_set():
                self._leave(place)
            elif place.has_turn:  # which it hasn't begun, so that it stays where it is
                self._go_on()
            raise
        if not place.has_turn:
            raise FullError(self._most_waiting)

    def give_back(self, client: Client) -> None:
        """End a client's turn: it goes behind all others, and the first of them has the next."""
        if names := self._line.pop(client.address, None):
            self._line[client.address] = names
            if places := names.pop(client.name, None):
                names[client.name] = places
        self._go_on()

    def _go_on(self) -> None:
        self.is_taken = bool(self._line)
        if self.is_taken:
            names = next(iter(self._line.values()))
            first = next(iter(names.values()))[0]
            self._leave(first)
            first.decide(has_turn=True)

    def _leave(self, place: _Place) -> None:
        address, name = place.client.address, place.client.name
        names = self._line[address]
        names[name].remove(place)
        if not names[name]:
            del names[name]
        if not names:
            del self._line[address]

    def _last_of_most(self, client: Client) -> _Place:
        """Find the last place of who has the most; of several who have as many, this client's."""
        names = self._line[max([client.address, *self._line], key=self._n_at)]
        return max([names.get(client.name, []), *names.values()], key=len)[-1]

    def _n_at(self, address: str) -> int:
        return sum(map(len, self._line[address].values()))
