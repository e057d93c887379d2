"""A function over a stream of values, on several threads and in order. Knows nothing of formats."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

WORKERS = max(1, min(4, os.cpu_count() or 1))


def map_ahead(function: Callable[[T], R], values: Iterable[T]) -> Iterator[R]:
    """Yield ``function`` of every value in their order, a few of them ahead of who takes them.

    The values themselves are drawn on the calling thread, one more than there are threads at most.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        running: deque[Future[R]] = deque()
        for value in values:
            running.append(pool.submit(function, value))
            if len(running) > WORKERS:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
