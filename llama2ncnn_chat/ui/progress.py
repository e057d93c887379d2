"""Shows how far a model is from being open, on standard error.

Knows no step by name. Where standard error is no terminal there are no bars.
"""

from __future__ import annotations

import time

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from convert.progress import console as console_on_stderr

from ..events import ModelProgress, Report

PATIENCE = 0.3
"""Seconds; what is done sooner shows no bar."""


class Steps:
    """A bar per step, gone when the step ends, and beside it a ``hint``. Use it in ``with``."""

    def __init__(self, hint: str = "") -> None:
        console = console_on_stderr()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            *([TextColumn(hint, markup=False)] if hint else []),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._reports: dict[str, Report] = {}
        self._start = time.monotonic()
        self._started = False

    def __enter__(self) -> Steps:
        return self

    def __exit__(self, *_: object) -> None:
        if self._started:
            self._progress.stop()

    def show(self, progress: ModelProgress) -> None:
        """Show how far a step is that somebody else has begun."""
        report = self._reports.get(progress.what) or self.step(progress.what)
        self._reports[progress.what] = report
        report(progress.done, progress.total)

    def step(self, what: str) -> Report:
        """Begin a step; returns a callback for bytes done and their total."""
        task = self._progress.add_task(what, total=None, visible=False)

        def report(done: int, total: int) -> None:
            if not self._started and time.monotonic() - self._start > PATIENCE:
                self._progress.start()
                self._started = True
            self._progress.update(task, completed=done, total=total, visible=done < total)

        return report
