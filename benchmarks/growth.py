"""What a turn costs in a long conversation, beside the model: milliseconds, statements of SQL.

    python -m benchmarks.growth [TURNS] [--context N]

A scripted model answers at once; everything else is as in a chat that is saved: rendering, a full
context whose oldest turns go, the ledger, the database, the rows that a face draws anew. Prints the
medians of the turns before each mark, and the most memory that the process has held. The disk has
its share of the milliseconds, once a turn: TMPDIR says which it is.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.storage.store import Store
from tests.chatting import make_chat
from tests.fakes import EOS, ScriptedEngine

MARKS = (50, 500, 1000, 2000, 5000, 10000, 20000)
AROUND = 40
"""Turns that are measured at each mark."""


LETTERS = range(ord("a") + 3, ord("z") + 3)  # as the byte tokenizer has them


def alphabet(ids: Sequence[int]) -> int:
    """Return the letter after the last one; the first after anything else, the end after z."""
    if ids[-1] in LETTERS:
        return ids[-1] + 1
    return EOS if ids[-1] == LETTERS.stop else LETTERS.start


class Counter:
    """Counts the statements that a connection runs."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self, _statement: str) -> None:
        self.n += 1


class Cost(NamedTuple):
    """Of one turn: milliseconds, those of them that the processor took, statements of SQL."""

    wall: float
    cpu: float
    sql: int


def measured(chat: Chat, message: str, counter: Counter) -> Cost:
    """Send a message; returns what the turn cost."""
    before, start, cpu = counter.n, time.perf_counter(), time.process_time()
    for _ in chat.send(message):
        pass
    chat.view.n_used()
    chat.view.rows_in_sight()
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    return Cost(1000 * wall, 1000 * cpu, counter.n - before)


def megabytes() -> float:
    """Return the most memory that the process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Talk for so many turns and print what they cost; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("turns", nargs="?", type=int, default=10000, help="messages to send")
    parser.add_argument("--context", type=int, default=2048, help="tokens of the context")
    args = parser.parse_args()
    table = Table("turn", "ms", "CPU ms", "SQL", "MB", title=f"context {args.context:,}")
    with tempfile.TemporaryDirectory() as folder:
        store, counter = Store.open(Path(folder, "sessions.db")), Counter()
        store._db._connection.set_trace_callback(counter)
        engine = ScriptedEngine(alphabet, context_length=args.context)
        with closing(make_chat(engine, store=store)) as chat:
            costs: list[Cost] = []
            for number in range(1, args.turns + 1):
                engine.fed.clear()
                costs.append(measured(chat, f"message {number:06}", counter))
                if number in MARKS or number == args.turns:
                    wall, cpu, sql = zip(*costs[-AROUND:], strict=True)
                    middle = (f"{statistics.median(ms):.1f}" for ms in (wall, cpu))
                    held = f"{megabytes():.0f}"
                    table.add_row(f"{number:,}", *middle, str(int(statistics.median(sql))), held)
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
