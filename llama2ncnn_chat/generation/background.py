"""Work in a thread of its own that may be held and called off, and is in nobody's way.

Knows neither ids nor engines: what is to be done are steps, an iterator.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

Steps = Iterator[None]
_END = object()


class Background:
    """One thread at a time, there only while there is something to do.

    A step is to ask ``is_called_off`` as often as it can: what is held waits in there.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._called_off = threading.Event()
        self._held_until = 0.0
        self._n_barring = 0
        self._steps: Steps = iter(())
        self._thread: threading.Thread | None = None

    def go_on(self, steps: Steps) -> None:
        """Do these steps, in the place of others that are left, and return at once.

        While others need what the steps use, nothing is done.
        """
        with self._lock:
            if self._n_barring:
                return
            self._steps = steps
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()

    def hold(self, seconds: float) -> None:
        """Have a step wait where it is, from now on for so long."""
        self._held_until = time.monotonic() + seconds

    def is_called_off(self) -> bool:
        """Tell whether the step is to end now; waits while it is held."""
        while (left := self._held_until - time.monotonic()) > 0:
            if self._called_off.wait(left):
                break
        return self._called_off.is_set()

    @contextmanager
    def barred(self) -> Iterator[None]:
        """Call off what is being done, wait for its end, and have nothing done for this time."""
        with self._lock:
            self._n_barring += 1
            self._called_off.set()
            thread = self._thread
        try:
            if thread:
                thread.join()
            yield
        finally:
            with self._lock:
                self._n_barring -= 1
                if not self._n_barring:
                    self._called_off.clear()

    def _work(self) -> None:
        while self._has_more():
            pass

    def _has_more(self) -> bool:
        """Do a step; returns whether there may be another."""
        steps = self._steps
        try:
            is_over = self.is_called_off() or next(steps, _END) is _END
        except BaseException:
            self._thread = None
            raise
        with self._lock:
            has_more = not (self._called_off.is_set() or (is_over and steps is self._steps))
            if not has_more:
                self._thread = None
        return has_more
