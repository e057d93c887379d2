"""How far the command is, for a person: a bar or lines on standard error."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import TextIO

from .inspect import human_bytes

Report = Callable[[int, int, str], None]
"""Is told bytes done, bytes in all, and what else there is to say."""


@contextlib.contextmanager
def progress(*, quiet: bool) -> Iterator[Report]:
    """Show how far something is: a bar on a terminal, a line per tenth elsewhere."""
    stream = sys.stderr
    if quiet:
        yield lambda *_: None
    elif stream.isatty() and os.environ.get("TERM") != "dumb":
        with _bar(stream) as report:
            yield report
    else:
        yield _lines()


@contextlib.contextmanager
def _bar(stream: TextIO) -> Iterator[Report]:
    # Imported here: it takes longer than the conversion of a small model.
    from rich import progress as rich
    from rich.console import Console

    bar = rich.Progress(
        rich.TextColumn("{task.fields[what]}"),
        rich.BarColumn(),
        rich.TaskProgressColumn(),
        rich.DownloadColumn(),
        rich.TransferSpeedColumn(),
        rich.TimeRemainingColumn(),
        console=Console(file=stream),
        transient=True,
    )
    task = bar.add_task("", total=None, what="")

    def report(done: int, total: int, what: str) -> None:
        bar.update(task, completed=done, total=total, what=what)

    with bar:
        yield report


def _lines() -> Report:
    start, shown = time.monotonic(), 0

    def report(done: int, total: int, what: str) -> None:
        nonlocal start, shown
        tenth = 10 * done // max(1, total)
        if tenth < shown:  # of another thing
            start, shown = time.monotonic(), 0
        if tenth > shown:
            shown = tenth
            rate = human_bytes(done / max(1e-3, time.monotonic() - start))
            sizes = f"{human_bytes(done)} of {human_bytes(total)}"
            say(f"{10 * tenth:3}%  {sizes}  {what}  {rate}/s")

    return report


def say(line: str) -> None:
    """Write a line to standard error, if anyone is there."""
    # Whether anyone reads stderr is no matter for the conversion.
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
