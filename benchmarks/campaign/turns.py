"""A very long conversation: its memory stays flat, and a late turn costs what an early one does."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.campaign.home import Home, resident
from benchmarks.campaign.part import Effort, Outcome

TURNS, TURNS_SHORT = 2000, 60
WINDOW = 20
"""Turns whose median is a speed."""

LAST_LINE = re.compile(r"free +[\d,]+ +of")
"""Of what ``/context`` tells."""

SLOWER = 1.6
GROWTH = 48 << 20
"""From which factor, and from how many bytes on, it isn't flat any more."""


def turns(folder: Path, effort: Effort) -> Iterator[Outcome]:
    """Feed the line editor one message after the other."""
    n = effort.of(TURNS, TURNS_SHORT)
    outcome, home, begun = Outcome(f"turns of {n:,}"), Home(folder), time.monotonic()
    flags = ("--plain", "-n", "4", "--ctx-size", "256")
    process = home.start(*flags, complaints=subprocess.DEVNULL)
    assert process.stdin
    assert process.stdout
    seconds, memory = [], []
    for number in range(n):
        process.stdin.write(f"message {number}\n/context\n")
        process.stdin.flush()
        asked = time.monotonic()
        while line := process.stdout.readline():
            if LAST_LINE.match(line):
                break
        else:
            outcome.losses.append(f"it ended at turn {number}")
            break
        seconds.append(time.monotonic() - asked)
        memory.append(resident(process.pid))
        home.promised.add(f"message {number}")
        outcome.attempts += 1
    process.communicate("/quit\n")
    early, late = (median(part) for part in (seconds[WINDOW : 2 * WINDOW], seconds[-WINDOW:]))
    grown = memory[-1] - memory[min(len(memory) - 1, 2 * WINDOW)]
    outcome.name += f": {1000 * early:.0f} ms, later {1000 * late:.0f}, {grown / 1e6:+.1f} MB"
    if late > SLOWER * early and not effort.short:  # over a few turns it says nothing
        outcome.losses.append(f"a turn took {early:.4f} s, and {late:.4f} at the end")
    if grown > GROWTH:
        outcome.losses.append(f"memory grew by {grown:,} bytes")
    outcome.losses += home.losses()
    outcome.seconds = time.monotonic() - begun
    yield outcome
