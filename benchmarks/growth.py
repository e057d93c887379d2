"""What a turn costs in a long conversation, beside the model: milliseconds, statements of SQL.

    python -m benchmarks.growth [TURNS] [--context N] [--rows]

A scripted model answers at once; everything else is as in a chat that is saved: rendering, a full
context whose oldest turns go, the ledger, the database. ``--rows`` draws up all rows after every
turn, too. Prints the median of the turns around each mark, and the memory that the process holds.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.table import Table

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.storage.store import Store
from tests.chatting import answering, echo, make_chat

MARKS = (50, 500, 1000, 2000, 5000, 10000, 20000)
AROUND = 40
"""Turns that are measured at each mark."""


class Counter:
    """Counts the statements that a connection runs."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self, _statement: str) -> None:
        self.n += 1


def measured(chat: Chat, message: str, counter: Counter, *, rows: bool) -> tuple[float, int]:
    """Send a message; returns the milliseconds of the turn and its statements."""
    before, start = counter.n, time.perf_counter()
    for _ in chat.send(message):
        pass
    chat.view.n_used()
    if rows:
        chat.view.rows()
    return 1000 * (time.perf_counter() - start), counter.n - before


def megabytes() -> float:
    """Return the most memory that the process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Talk for so many turns and print what they cost; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("turns", nargs="?", type=int, default=10000, help="messages to send")
    parser.add_argument("--context", type=int, default=2048, help="tokens of the context")
    parser.add_argument("--rows", action="store_true", help="draw up all rows after every turn")
    args = parser.parse_args()
    table = Table("turn", "ms", "slowest", "SQL", "MB", title=f"context {args.context:,}")
    with tempfile.TemporaryDirectory() as folder:
        store, counter = Store.open(Path(folder, "sessions.db")), Counter()
        store._db._connection.set_trace_callback(counter)
        with closing(make_chat(answering(echo, context_length=args.context), store=store)) as chat:
            costs: list[tuple[float, int]] = []
            for number in range(1, args.turns + 1):
                costs.append(measured(chat, f"message {number:06}", counter, rows=args.rows))
                if number in MARKS or number == args.turns:
                    ms, sql = zip(*costs[-AROUND:], strict=True)
                    middle, slowest = statistics.median(ms), max(ms)
                    table.add_row(
                        f"{number:,}", f"{middle:.1f}", f"{slowest:.1f}",
                        f"{statistics.median(sql):.0f}", f"{megabytes():.0f}",
                    )  # fmt: skip
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
