"""Events whole, whatever the pieces they come in; what has no end is refused."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llama2ncnn_chat.remote import sse

STREAM = 'data: {"a": "é"}\r\n\r\n: a comment\nevent: x\ndata: [1,\ndata: 2]\n\ndata:3\n\n'.encode()
SAID = [{"a": "é"}, [1, 2], 3]


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_events_come_whole_wherever_they_are_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[a:b] for a, b in pairwise(places)]
    assert list(sse.events(chunks)) == SAID


def test_nothing_is_read_behind_the_end() -> None:
    assert list(sse.events([b"data: 1\n\ndata: [DONE]\n\n", b"data: 2\n\n"])) == [1]


def test_the_last_event_may_lack_its_empty_line() -> None:
    assert list(sse.events([b"data: 1\n\ndata: 2"])) == [1, 2]


def endless(piece: bytes) -> Iterator[bytes]:
    """More than anybody should read, as a count of what was read."""
    for _ in range(10 * sse.MAX_EVENT // len(piece)):
        yield piece
    raise AssertionError("all of it was read")


@pytest.mark.parametrize("piece", [b"x" * 65536, b"data: " + b"x" * 65536 + b"\n"])
def test_what_has_no_end_is_refused(piece: bytes) -> None:
    with pytest.raises(sse.NoEventError):
        list(sse.events(endless(piece)))


@pytest.mark.parametrize("data", [b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(sse.NoEventError):
        list(sse.events([b"data: " + data + b"\n\n"]))
