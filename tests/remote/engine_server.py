"""A server on loopback that answers as a test says: in pieces, late, cut off, or not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, TypeVar

from tests.loopback import listening

JSON, EVENTS = "application/json", "text/event-stream"


class Silence:
    """Nothing is sent until the other side hangs up."""


SILENCE = Silence()

FLOOD = b":" * (64 << 20)
"""More than sockets hold: whoever sends it notices that nobody reads any more."""


@dataclass
class Answer:
    """``pieces`` are sent one by one; a piece that is callable is called in its place.

    With ``cuts`` the connection breaks off where the answer should end.
    """

    pieces: Iterable[bytes | Callable[[], object] | Silence]
    status: int = 200
    kind: str = EVENTS
    cuts: bool = False


def saying(value: Any, status: int = 200) -> Answer:
    """JSON in one piece."""
    return Answer([json.dumps(value).encode()], status, JSON)


def streaming(*events: Any, cuts: bool = False) -> Answer:
    """An event for each value; what is callable is called."""
    pieces = [e if callable(e) else f"data: {json.dumps(e)}\n\n".encode() for e in events]
    return Answer(pieces, cuts=cuts)


@dataclass
class Script:
    """Answers by path: the next of a list, or the same each time; else 404."""

    answers: dict[str, Answer | list[Answer] | Callable[[Any], Answer]]
    asked: list[tuple[str, Any]] = field(default_factory=list)  # path, body
    keys: list[str] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def bodies(self, path: str) -> list[Any]:
        return [body for asked, body in self.asked if asked == path]

    def next(self, path: str, body: Any) -> Answer:
        answer = self.answers.get(path, Answer([], 404, JSON))
        if callable(answer):
            return answer(body)
        return answer.pop(0) if isinstance(answer, list) else answer


S = TypeVar("S", bound=Script)


@contextmanager
def serving(script: S) -> Iterator[S]:
    """The script answers, at ``script.url``."""

    with listening(_Handler, script=script) as script.url:
        yield script


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: Any) -> None:
        self.script.asked.append((self.path, body))
        self.script.keys.append(self.headers.get("Authorization", ""))
        answer = self.script.next(self.path, body)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for piece in answer.pieces:
                if isinstance(piece, Silence):
                    self.connection.settimeout(60)
                    if not self.connection.recv(1):
                        raise ConnectionResetError
                elif callable(piece):
                    piece()
                else:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            if not answer.cuts:
                self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.script.hung_up.set()
            raise
        finally:
            self.close_connection = self.close_connection or answer.cuts
