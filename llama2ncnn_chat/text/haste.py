"""Says that ids are asked for in haste: a key that somebody pressed waits for them.

Whoever has to ask others for them may give up sooner then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_HASTE = ContextVar("haste", default=False)  # of the thread that waits


@contextmanager
def haste() -> Iterator[None]:
    """Be in haste as long as the block runs."""
    token = _HASTE.set(True)
    try:
        yield
    finally:
        _HASTE.reset(token)


def in_haste() -> bool:
    """Tell whether somebody is."""
    return _HASTE.get()
