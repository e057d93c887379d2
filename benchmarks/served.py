"""What serving costs a client that is alone: tokens per second over HTTP beside the engine's own.

    python -m benchmarks.served [--shape 110m] [--weights q8] [--threads 2] [-n 64] [-r 9]

The model has random weights. ``llama2ncnn-chat serve`` runs in a process of its own, the engine in
this one, as ``bench`` has it; they decode in turns, so that what else the machine does meets both.
A stream's time runs from its first piece to its last; the ratio is the median over the rounds.
CPU time says the same where others keep the machine busy: it is that of a whole process, all of
its threads and a request's beginning included, so that several threads, which wait by spinning,
blur it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.machine import Watch, cpu_seconds, in_words
from benchmarks.models import random_model
from convert.known_shapes import SHAPES
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from llama2ncnn_chat.quality.speed import decode_rates, warm_up

PROMPT = list(range(300, 316))
RATIO = 0.95
"""Of the engine's speed, what a client is to have at least."""


def main() -> int:
    """Measure, show, and return 1 if serving costs more than it may."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.served", description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="110m")
    parser.add_argument("--weights", default="q8")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("-n", type=int, default=64, help="tokens of a run")
    parser.add_argument("-r", type=int, default=9, help="rounds")
    args, watch = parser.parse_args(), Watch()
    with tempfile.TemporaryDirectory() as name:
        stem = random_model(Path(name), args.shape, args.weights)
        with (
            closing(NcnnEngine(stem, threads=args.threads)) as engine,
            _server(stem, args.threads) as (url, pid),
        ):
            warm_up(engine)
            _streamed(url, args.n)
            own, served = Runs(os.getpid()), Runs(pid)
            for _ in range(args.r):
                own.add(lambda: decode_rates(engine, args.n, 1, len(PROMPT))[0])
                served.add(lambda: _streamed(url, args.n))
    ratio = median(ours / bare for bare, ours in zip(own.rates, served.rates, strict=True))
    title = f"{args.shape} {args.weights}, {args.threads} threads"
    table = Table("", "tok/s", "CPU ms/token", "runs", title=title)
    for name, runs in (("engine", own), ("served", served)):
        each = " ".join(f"{rate:.4g}" for rate in runs.rates)
        cpu = 1000 * runs.cpu / (args.n * args.r)
        table.add_row(name, f"{median(runs.rates):.4g}", f"{cpu:.2f}", each)
    console = Console()
    console.print(table)
    console.print(in_words(watch.report()), highlight=False)  # the server has ended
    console.print(f"served at {ratio:.1%} of the engine's speed", highlight=False)
    return 0 if ratio >= RATIO else 1


class Runs:
    """Tokens per second of run after run, and what CPU time they took of a process."""

    def __init__(self, pid: int) -> None:
        self.rates, self.cpu = list[float](), 0.0
        self._pid = pid

    def add(self, run: Callable[[], float]) -> None:
        """Do a run, which returns its rate."""
        begun = cpu_seconds(self._pid)
        self.rates.append(run())
        self.cpu += cpu_seconds(self._pid) - begun


@contextmanager
def _server(stem: Path, threads: int) -> Iterator[tuple[str, int]]:
    """Serve; yields where, and in which process."""
    command = [sys.executable, "-m", "llama2ncnn_chat", "serve", str(stem)]
    flags = ["--port", "0", "--threads", str(threads)]
    process = subprocess.Popen([*command, *flags], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        line = next(line for line in process.stderr if "served at" in line)
        yield line.split(" served at ")[1].split("/v1")[0], process.pid
    finally:
        process.terminate()
        process.wait()


def _streamed(url: str, n: int) -> float:
    """Have the server write ``n`` tokens; returns how many came per second after the first."""
    wanted = {"prompt": PROMPT, "max_tokens": n, "stream": True, "temperature": 0}
    request = urllib.request.Request(f"{url}/v1/completions", json.dumps(wanted).encode())
    with urllib.request.urlopen(request) as response:
        times = [time.perf_counter() for line in response if line.startswith(b"data: {")]
    assert len(times) == n + 1, "one piece a token, and one that says why it ended"
    return (n - 1) / (times[-2] - times[0])


if __name__ == "__main__":
    sys.exit(main())
