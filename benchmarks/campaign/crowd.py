"""Several programs at once on the sessions of one person, one of them on the same one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.campaign.home import Home
from benchmarks.campaign.part import Effort, Losses, Outcome, attempt

PROGRAMS = 8
ROUNDS, ROUNDS_SHORT = 12, 1


def crowd(folder: Path, effort: Effort) -> Iterator[Outcome]:
    """Start programs together, all of which go on with the latest session."""
    home = Home(folder)
    home.run("-p", "the first", "-n", "2")
    home.promised.add("the first")

    def losses_of(number: int) -> Losses:
        said = [f"round {number}, program {i}" for i in range(PROGRAMS)]
        processes = [home.start("-c", "-p", each, "-n", "3") for each in said]
        for process, message in zip(processes, said, strict=True):
            out, complaints = process.communicate()
            if process.returncode == 0 and out:
                home.promised.add(message)
            elif "Traceback" in complaints or process.returncode < 0:
                yield complaints[-200:]
        yield from home.losses()

    n = effort.of(ROUNDS, ROUNDS_SHORT)
    yield attempt(f"{PROGRAMS} programs on one session", range(n), losses_of)
