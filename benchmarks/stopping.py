"""How long a stop takes with an engine elsewhere: until the chat is free, until the engine notices.

    python -m benchmarks.stopping [--layers 12] [-r 20]

A llama-server (the package xllamacpp) runs a model of random weights in a process of its own and is
stopped while it reads a prompt and while it writes; that it has noticed, its `/slots` tells. A
server that is silent after a few tokens stands for all that take their time. Times run from the
moment of the stop, which falls anywhere, to the end of the reply's events, and to the hang-up that
the server notices.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.llama_server import apart
from llama2ncnn_chat.events import Event, Events, PrefillProgress, TextDelta
from llama2ncnn_chat.generation.completer import Draws, Limits
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.model.engine import Cancelled
from tests.fakes import ByteTokenizer
from tests.llamacpp.miniature import opened, write_miniature
from tests.remote.asking import llama, llama_says
from tests.remote.engine_server import SILENCE, Answer, streaming

LIMIT = 0.1
"""Seconds that a person may wait for the chat to be free."""

N_CONTEXT = 4096
LONG = "hello there, and what then? " * 40
SOON = (0.02, 0.2)
"""Seconds after the first sign of life between which a stop falls."""

Times = list[tuple[float, float]]


def main() -> int:
    """Measure, show, and return 1 if a stop takes longer than it may."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stopping", description=__doc__)
    parser.add_argument("--layers", type=int, default=12, help="of 768 dimensions")
    parser.add_argument("-r", type=int, default=20, help="stops of each kind")
    args = parser.parse_args()
    rows = {**_llama_server(args.layers, args.r), "a silent server": _silent(args.r)}
    table = Table("seconds after the stop", "free: median", "worst", "noticed: median", "worst")
    for name, times in rows.items():
        figures = (
            figure for each in zip(*times, strict=True) for figure in (median(each), max(each))
        )
        table.add_row(name, *(f"{figure:.3f}" for figure in figures))
    Console().print(table)
    return 0 if all(free <= LIMIT for times in rows.values() for free, _ in times) else 1


def _llama_server(n_layers: int, n: int) -> dict[str, Times]:
    shape: dict[str, Any] = {
        "dim": 768,
        "hidden_dim": 2048,
        "n_layers": n_layers,
        "n_heads": 12,
        "n_kv_heads": 12,
    }
    with tempfile.TemporaryDirectory() as name:
        path = write_miniature(Path(name) / "m.gguf", N_CONTEXT, **shape, head_dim=64)
        with (
            apart(path, exact=False) as (url, _),
            closing(opened(engine=url, save="0", max_tokens=str(N_CONTEXT))) as chat,
        ):

            def idle() -> bool:
                with urllib.request.urlopen(f"{url}/slots") as answer:
                    return not any(slot["is_processing"] for slot in json.load(answer))

            def stopped(message: str, sign: type[Event]) -> tuple[float, float]:
                return _stopped(lambda stop: chat.send(message, cancelled=stop), sign, idle)

            # Nothing of a message that begins with another number is in the cache.
            read = [stopped(f"{number} {LONG}", PrefillProgress) for number in range(n)]
            written = [stopped("hello", TextDelta) for _ in range(n)]
    return {"llama-server, while it reads": read, "llama-server, while it writes": written}


def _silent(n: int) -> Times:
    said = [*streaming(*llama_says("ab")).pieces, SILENCE]
    ids, sampling = ByteTokenizer().encode("hello"), Sampling()
    times = []
    with llama(*[Answer(said)] * n) as (completer, script):

        def ask(stop: Cancelled) -> Events:
            yield from completer.complete(ids, sampling, Draws(1), Limits(), cancelled=stop)

        for _ in range(n):
            script.hung_up.clear()
            times.append(_stopped(ask, TextDelta, script.hung_up.is_set))
    return times


def _stopped(
    ask: Callable[[Cancelled], Events], sign: type[Event], idle: Callable[[], bool]
) -> tuple[float, float]:
    """Stop what is asked a while after its first ``sign``.

    Returns the seconds until its events had ended, and until the server was idle.
    """
    due = math.inf

    def cancelled() -> bool:
        return time.perf_counter() >= due

    events = []
    for event in ask(cancelled):
        events.append(event)
        if isinstance(event, sign) and due == math.inf:
            due = time.perf_counter() + random.uniform(*SOON)
    free = time.perf_counter() - due
    if not free >= 0 or (sign is PrefillProgress and any(isinstance(e, TextDelta) for e in events)):
        raise RuntimeError("the model is too quick for a stop: --layers makes a slower one")
    while not idle():
        time.sleep(0.001)
    return free, time.perf_counter() - due


if __name__ == "__main__":
    sys.exit(main())
