"""What a person sees on standard error while something takes its time. Knows no conversion."""

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

Step = Callable[[str], Callable[[int, int], None]]
"""``step(what)`` begins what is done next; its answer is told how much is done, of how much."""


@contextlib.contextmanager
def bytes_done(*, quiet: bool) -> Iterator[Report]:
    """A bar on a terminal, a line per tenth elsewhere."""
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
    from rich import progress
    from rich.console import Console

    bar = progress.Progress(
        progress.TextColumn("{task.fields[what]}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
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


@contextlib.contextmanager
def steps(*, quiet: bool) -> Iterator[Step]:
    """One line on a terminal for what is being done, with a bar; a line per step elsewhere."""
    stream = sys.stderr
    if quiet:
        yield lambda _: _ignore
    elif stream.isatty() and os.environ.get("TERM") != "dumb":
        with _step_bar(stream) as step:
            yield step
    else:
        yield _say_step


@contextlib.contextmanager
def _step_bar(stream: TextIO) -> Iterator[Step]:
    from rich import progress
    from rich.console import Console

    columns = (progress.TextColumn("{task.description}"), progress.BarColumn())
    percent = progress.TaskProgressColumn()
    bar = progress.Progress(*columns, percent, console=Console(file=stream), transient=True)
    task = bar.add_task("", total=None)

    def step(what: str) -> Callable[[int, int], None]:
        bar.reset(task, description=what, total=None)
        return lambda done, total: bar.update(task, completed=done, total=total)

    with bar:
        yield step


def _say_step(what: str) -> Callable[[int, int], None]:
    say(what)
    return _ignore


def _ignore(_done: int, _total: int) -> None: ...


def say(line: str) -> None:
    """Write a line to standard error."""
    # Whether anyone reads stderr is no matter for the conversion.
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
