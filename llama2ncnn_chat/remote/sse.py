"""Events out of the bytes of an answer that streams (server-sent events), each of bounded size.

Knows no HTTP; what an event says is JSON, and what that means others know.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

MAX_EVENT = 16 << 20
"""Bytes of an event: some repeat the whole prompt at the end."""

DONE = b"[DONE]"


class NoEventError(ValueError):
    """What came is no event, or has no end."""


def events(chunks: Iterable[bytes]) -> Iterator[Any]:
    """Yield what each event says, up to one that says that it is the last.

    Raises ``NoEventError``.
    """
    data: list[bytes] = []
    size = 0
    for line in _lines(chunks):
        if line:
            name, _, value = line.partition(b":")
            if name in (b"data", b"error"):
                data.append(value.removeprefix(b" "))
                size += len(value)
            if size > MAX_EVENT:
                raise NoEventError("an event without end")
        elif data:
            said = b"\n".join(data)
            if said == DONE:
                return
            yield parsed(said)
            data, size = [], 0
    if data and data != [DONE]:
        yield parsed(b"\n".join(data))


def parsed(data: bytes) -> Any:
    """Read JSON. Raises ``NoEventError``."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise NoEventError("no JSON") from None


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    begun: list[bytes] = []
    size = 0
    for chunk in chunks:
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            yield b"".join([*begun, line]).removesuffix(b"\r")
            begun, size = [], 0
        begun.append(rest)
        size += len(rest)
        if size > MAX_EVENT:
            raise NoEventError("a line without end")
    if size:
        yield b"".join(begun)
