"""Runs the campaign and tells what came of it."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.campaign import __doc__ as about
from benchmarks.campaign.crowd import crowd
from benchmarks.campaign.faults import faults
from benchmarks.campaign.fuzz import fuzz
from benchmarks.campaign.kills import kills
from benchmarks.campaign.part import Effort, Outcome, Part
from benchmarks.campaign.served import served
from benchmarks.campaign.turns import turns

PARTS: dict[str, Part] = {
    "kills": kills,
    "fuzz": fuzz,
    "faults": faults,
    "crowd": crowd,
    "turns": turns,
    "served": served,
}


def main() -> int:
    """Run the parts that are wanted; returns 1 if anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.campaign", description=about)
    parser.add_argument("--short", action="store_true", help="a form of some two minutes")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS))
    parser.add_argument("--seed", type=int, default=None, metavar="N", help="default: a new one")
    args = parser.parse_args()
    seed = random.randrange(1 << 20) if args.seed is None else args.seed
    console, outcomes = Console(), list[Outcome]()
    console.print(f"seed {seed}")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        for part in args.only:
            for outcome in PARTS[part](Path(name) / part, Effort(seed, args.short)):
                outcomes.append(outcome)
                said = f", {len(outcome.losses)} losses" if outcome.losses else ""
                console.print(f"{outcome.name}: {outcome.attempts:,}{said}", highlight=False)
    table = Table("", title=f"{time.monotonic() - begun:,.0f} s")
    for column in ("attempts", "losses", "seconds"):
        table.add_column(column, justify="right")
    for each in outcomes:
        table.add_row(
            each.name, f"{each.attempts:,}", str(len(each.losses)), f"{each.seconds:,.0f}"
        )
    console.print(table)
    lost = [loss for each in outcomes for loss in each.losses]
    for line in lost:
        console.print(line, style="red", markup=False, highlight=False)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
