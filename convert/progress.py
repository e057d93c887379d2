"""What a person sees on standard error while something takes its time. Knows no conversion."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, cast

from .inspect import human_bytes
from .streams import Drawings, is_terminal, printable, say

if TYPE_CHECKING:  # it takes longer to import than a small model to convert
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

Report = Callable[[int, int, str], None]
"""Is told bytes done, bytes in all, and what else there is to say."""

Step = Callable[[str], Callable[[int, int], None]]
"""``step(what)`` begins what is done next; its answer is told how much is done, of how much."""


@contextlib.contextmanager
def bytes_done(*, quiet: bool) -> Iterator[Report]:
    """A bar on a terminal, a line per tenth elsewhere."""
    if quiet:
        yield lambda *_: None
    elif _draws():
        with _bar() as report:
            yield report
    else:
        yield _lines()


def console() -> Console:
    """Make rich's console on standard error, with no text on it that commands the terminal."""
    from rich import console

    class _Console(console.Console):
        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterator[Segment]:
            for segment in super().render(renderable, options):
                if not segment.control:
                    segment = segment._replace(text=printable(segment.text))
                yield segment

    drawings = Drawings(sys.stderr) if sys.stderr else io.StringIO()
    return _Console(file=cast(IO[str], drawings))


def _draws() -> bool:
    return is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"


@contextlib.contextmanager
def _bar() -> Iterator[Report]:
    from rich import progress

    bar = progress.Progress(
        progress.TextColumn("{task.fields[what]}", markup=False),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
        console=console(),
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
    if quiet:
        yield lambda _: _ignore
    elif _draws():
        with _step_bar() as step:
            yield step
    else:
        yield _say_step


@contextlib.contextmanager
def _step_bar() -> Iterator[Step]:
    from rich import progress

    columns = (progress.TextColumn("{task.description}", markup=False), progress.BarColumn())
    percent = progress.TaskProgressColumn()
    bar = progress.Progress(*columns, percent, console=console(), transient=True)
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
