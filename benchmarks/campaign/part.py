"""A part of the campaign: what was done to the program how often, and what it lost by that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

Losses = Iterator[str]
"""Of one attempt: a line on everything that was lost by it."""


@dataclass
class Outcome:
    """How often something was done, how long that took, and a line on every loss."""

    name: str
    attempts: int = 0
    seconds: float = 0.0
    losses: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Effort:
    """How much is done: a seed for all that is random, and by how much less than the whole."""

    seed: int
    short: bool

    def of(self, whole: int, short: int) -> int:
        """Choose a number of attempts."""
        return short if self.short else whole


Part = Callable[[Path, Effort], Iterator[Outcome]]
"""Does its harm in a folder; yields an outcome of every kind."""


def attempt(name: str, numbers: range, losses_of: Callable[[int], Losses]) -> Outcome:
    """Do something for every number; collect what is lost."""
    outcome, begun = Outcome(name), time.monotonic()
    for number in numbers:
        outcome.attempts += 1
        outcome.losses += [f"{name} {number}: {loss}" for loss in losses_of(number)]
    outcome.seconds = time.monotonic() - begun
    return outcome
