"""A stream is read as it is taken, and not without end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import httpx2

from llama2ncnn_chat.remote.address import address_of
from llama2ncnn_chat.remote.http import MAX_AHEAD, Connection, Stream

N_EVENTS = 20 * MAX_AHEAD


class Source(httpx2.SyncByteStream):
    """Events, and how many of them have been read; ``left`` once nobody reads them any more."""

    def __init__(self) -> None:
        self.n, self.n_taken, self.most_ahead = 0, 0, 0
        self.changed, self.left = threading.Condition(), threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(N_EVENTS):
            with self.changed:
                self.n += 1
                self.most_ahead = max(self.most_ahead, self.n - self.n_taken)
                self.changed.notify()
            yield b"data: {}\n\n"

    def close(self) -> None:
        self.left.set()

    def wait_until_ahead(self) -> None:
        want = min(N_EVENTS, self.n_taken + MAX_AHEAD)
        with self.changed:
            assert self.changed.wait_for(lambda: self.n >= want, 20)


def stream_of(source: Source) -> Stream:
    def answer(_: httpx2.Request) -> httpx2.Response:
        kind = {"Content-Type": "text/event-stream"}
        return httpx2.Response(200, headers=kind, stream=source)

    client = httpx2.Client(transport=httpx2.MockTransport(answer))
    return Stream(Connection(address_of("http://127.0.0.1:1")), client, "/", {})


def test_no_more_is_read_ahead_than_a_bound() -> None:
    source = Source()
    with closing(stream_of(source)) as stream:
        for n in range(N_EVENTS):
            source.n_taken = n
            source.wait_until_ahead()
            assert stream.take(20) == {}
    assert source.most_ahead <= MAX_AHEAD + 2  # one is in hand on each side


def test_what_nobody_wants_any_more_is_left() -> None:
    source = Source()
    with closing(stream_of(source)):
        source.wait_until_ahead()
    assert source.left.wait(20)
    assert source.n < N_EVENTS
