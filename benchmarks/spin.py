"""Why the spin count is what it is: decode speed alone and beside a busy process, side by side.

    python -m benchmarks.spin [--shape 1.1b] [--counts unset,0,1000,10000] [-n 32] [-r 3]

Each count needs a process of its own, for OpenMP reads it once. Rounds alternate between the
counts, so that a slow minute of the machine hits all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.models import random_model
from convert.known_shapes import SHAPES


def main() -> None:
    """Measure every count, alone and beside a busy process, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--shape", choices=SHAPES, default="1.1b")
    parser.add_argument("--counts", default="unset,0,1000,10000")
    parser.add_argument("-n", type=int, default=32)
    parser.add_argument("-r", type=int, default=3)
    args = parser.parse_args()
    rates: dict[tuple[str, bool], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        stem = random_model(Path(folder), args.shape)
        for _ in range(args.r):
            for busy in (False, True):
                for count in args.counts.split(","):
                    rates[count, busy].append(decode_rate(stem, count, args.n, busy=busy))
    table = Table("spin count", title=f"{args.shape}, int8, decode tok/s, medians of {args.r}")
    for name in ("alone", "beside a busy process", "kept"):
        table.add_column(name, justify="right")
    for count in args.counts.split(","):
        alone, beside = (median(rates[count, busy]) for busy in (False, True))
        table.add_row(count, f"{alone:.1f}", f"{beside:.1f}", f"{beside / alone:.0%}")
    Console().print(table)


def decode_rate(stem: Path, count: str, n: int, *, busy: bool) -> float:
    """Run one benchmark with a spin count (or `unset`); returns decoded tokens per second."""
    env = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    # An empty policy is one that the program leaves alone and OpenMP ignores.
    env |= {"OMP_WAIT_POLICY": ""} if count == "unset" else {"GOMP_SPINCOUNT": count}
    command = [sys.executable, "-m", "llama2ncnn_chat", "bench", str(stem)]
    command += ["-p", "0", "-n", str(n), "-r", "1", "--json"]
    neighbour = None
    if busy:
        neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        done = subprocess.run(command, env=env, check=True, capture_output=True, timeout=600)
    finally:
        if neighbour:
            neighbour.kill()
            neighbour.wait()
    return float(json.loads(done.stdout)["results"][0]["tokens_per_second"])


if __name__ == "__main__":
    main()
