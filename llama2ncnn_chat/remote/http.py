"""Requests to an engine and what it answers: JSON, or a stream of it that can be ended at any time.

The one module that knows the HTTP library. A key goes into a header and nowhere else; nothing is
read further ahead than a bound, nor waited for without one.
"""

from __future__ import annotations

import json
import queue
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import httpx2

from ..errors import EngineError
from . import sse
from .address import Address

MAX_ANSWER = 128 << 20
"""Bytes of an answer: a whole vocabulary is one."""

RESETS = struct.pack("ii", 1, 0)
"""Of a socket: what is on its way isn't waited for."""

MAX_AHEAD = 8
"""Events of a stream that wait to be taken; while there are as many, no more is read."""

AHEAD_SECONDS = 0.1
"""So often whoever reads a stream looks whether it is still wanted, while nobody takes any."""

SHOWN = 300
"""Characters of what an engine says of an error."""


@dataclass(frozen=True)
class Waits:
    """Seconds to wait for: a connection, an answer, and the next event of a stream."""

    connect: float = 10.0
    answer: float = 60.0
    event: float = 600.0


class NoAnswerError(EngineError):
    """The engine isn't there, went away or is silent: asking again may help."""


class RefusalError(EngineError):
    """The engine answers with an error; ``status`` is HTTP's."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Connection:
    """Speaks to one engine. ``place`` is its host and port, to be shown."""

    def __init__(self, address: Address, waits: Waits | None = None) -> None:
        self.place, self.url = address.place, address.url
        self._address, self._waits = address, waits or Waits()
        self._client: httpx2.Client | None = None

    def get(self, path: str) -> Any:
        """Get JSON. Raises ``EngineError``."""
        return self._ask("GET", path, None, self._waits.answer)

    def post(self, path: str, body: Mapping[str, Any], *, seconds: float | None = None) -> Any:
        """Post JSON, and return the JSON that is answered, in so many seconds at most.

        Raises ``EngineError``.
        """
        return self._ask("POST", path, body, seconds or self._waits.answer)

    def stream(self, path: str, body: Mapping[str, Any]) -> Stream:
        """Post JSON, and return the events that are answered."""
        return Stream(self, self._new_client(self._waits.event), path, body)

    def close(self) -> None:
        """Close the connection that is kept, until something is asked again."""
        if self._client:
            self._client.close()
        self._client = None

    @contextmanager
    def named_errors(self) -> Iterator[None]:
        """Turn what goes wrong into one line that has no key in it."""
        try:
            yield
        except httpx2.TimeoutException as e:
            late = "doesn't take the connection" if _is_connecting(e) else "is silent"
            raise NoAnswerError(f"the engine at {self.place} {late}", "is it busy?") from e
        except httpx2.ConnectError as e:
            raise NoAnswerError(
                f"there is no engine at {self.place}: {self._in_a_line(str(e))}", "is it running?"
            ) from e
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as e:
            raise NoAnswerError(f"the connection to the engine at {self.place} broke") from e
        except sse.NoEventError as e:
            raise EngineError(f"the engine at {self.place} answers with {e}") from e

    def refuse_error(self, response: httpx2.Response) -> None:
        """Raise ``RefusalError`` for an answer that is an error."""
        if response.is_success:
            return
        said = self._in_a_line(_reason(_read(response, 1 << 16)))
        status = response.status_code
        raise RefusalError(
            f"the engine at {self.place} answers {status}{f': {said}' if said else ''}", status
        )

    def refuse_event(self, event: Any) -> Mapping[str, Any]:
        """Return an event that is an object and no error. Raises ``EngineError``."""
        if not isinstance(event, Mapping):
            raise EngineError(f"the engine at {self.place} answers with what isn't an object")
        if error := event.get("error"):
            raise EngineError(f"the engine at {self.place} says: {self._in_a_line(_text(error))}")
        return event

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None, seconds: float) -> Any:
        content = None if body is None else json.dumps(body).encode()
        client = self._client = self._client or self._new_client(seconds)
        waits = httpx2.Timeout(seconds, connect=min(seconds, self._waits.connect))
        with (
            self.named_errors(),
            client.stream(method, self.url + path, content=content, timeout=waits) as response,
        ):
            self.refuse_error(response)
            return _answer(response)

    def _new_client(self, seconds: float) -> httpx2.Client:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if self._address.key:
            headers["Authorization"] = f"Bearer {self._address.key}"
        return httpx2.Client(
            headers=headers,
            timeout=httpx2.Timeout(seconds, connect=self._waits.connect),
            trust_env=not self._address.is_near,  # no proxy stands before this machine
        )

    def _in_a_line(self, text: str) -> str:
        key = self._address.key
        return in_a_line(text.replace(key, "…") if key else text)


def in_a_line(text: str) -> str:
    """Make a line of what an engine says that can be shown: short, and nothing a terminal obeys."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"


class Stream:
    """The events of one answer, read in a thread, so that whoever waits for one can stop."""

    def __init__(
        self, connection: Connection, client: httpx2.Client, path: str, body: Mapping[str, Any]
    ) -> None:
        self._connection, self._client = connection, client
        self._came: queue.Queue[Any] = queue.Queue(MAX_AHEAD)
        self._socket: socket.socket | None = None
        self._closed = threading.Event()
        content = json.dumps(body).encode()
        threading.Thread(target=self._read, args=(path, content), daemon=True).start()

    def take(self, seconds: float) -> Any:
        """Return the next event, or None where none has come in so many seconds.

        Raises ``EndOfStream`` after the last one, and ``EngineError``.
        """
        try:
            came = self._came.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(came, BaseException):
            raise came
        return self._connection.refuse_event(came)

    def close(self) -> None:
        """Hang up at once, whatever is on its way."""
        self._closed.set()
        if self._socket:
            with suppress(OSError):  # without a reset, who has filled the window hears it late
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESETS)
            with suppress(OSError):  # the other side was faster
                self._socket.shutdown(socket.SHUT_RDWR)

    def _read(self, path: str, content: bytes) -> None:
        extensions = {"trace": self._note_socket}
        url = self._connection.url + path
        try:
            with self._client, self._connection.named_errors():
                request = self._client.build_request(
                    "POST", url, content=content, extensions=extensions
                )
                response = self._client.send(request, stream=True)
                try:
                    self._connection.refuse_error(response)
                    for event in self._events(response):
                        self._put(event)
                finally:
                    response.close()
            self._put(EndOfStream())
        except EngineError as e:
            self._put(e)

    def _put(self, came: Any) -> None:
        """Wait until there is room, or nobody wants it any more."""
        while not self._closed.is_set():
            with suppress(queue.Full):
                self._came.put(came, timeout=AHEAD_SECONDS)
                return

    def _events(self, response: httpx2.Response) -> Iterator[Any]:
        if response.headers.get("Content-Type", "").startswith("text/event-stream"):
            # What was on its way when somebody hung up is still there to be read.
            chunks = takewhile(lambda _: not self._closed.is_set(), response.iter_bytes())
            yield from sse.events(chunks)
        else:
            yield _answer(response)

    def _note_socket(self, name: str, info: Mapping[str, Any]) -> None:
        """Keep the socket as soon as there is one: what reads from it can't be told to stop."""
        if name.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")
            if self._closed.is_set():
                self.close()


class EndOfStream(Exception):  # noqa: N818
    """There are no more events."""


def _answer(response: httpx2.Response) -> Any:
    """Read JSON in one piece. Raises ``NoEventError``."""
    data = _read(response, MAX_ANSWER + 1)
    if len(data) > MAX_ANSWER:
        raise sse.NoEventError(f"over {MAX_ANSWER:,} bytes")
    return sse.parsed(data)


def _read(response: httpx2.Response, most: int) -> bytes:
    chunks, size = [], 0
    for chunk in response.iter_bytes():
        chunks.append(chunk)
        size += len(chunk)
        if size >= most:
            break
    return b"".join(chunks)[:most]


def _reason(data: bytes) -> str:
    try:
        said = sse.parsed(data)
    except sse.NoEventError:
        return data.decode(errors="replace")
    return _text(said)


def _text(said: Any) -> str:
    """Find what an error says, wherever engines put that."""
    while isinstance(said, Mapping):
        inner = (said.get(name) for name in ("error", "message", "detail"))
        said = next((each for each in inner if each), "")
    return said if isinstance(said, str) else json.dumps(said)


def _is_connecting(error: httpx2.TimeoutException) -> bool:
    return isinstance(error, httpx2.ConnectTimeout | httpx2.PoolTimeout)
