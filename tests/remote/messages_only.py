"""A server in front of an engine that lets its models be listed and messages through, and no more.

What is behind it is then one of the many that take no ids.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler

from tests.loopback import listening

OPEN = ("/v1/models", "/v1/chat/completions")
WAIT = 60.0


@contextmanager
def messages_only(url: str) -> Iterator[str]:
    """Stand before the engine at a URL as long as the block runs; yields where."""

    with listening(_Handler, behind=url.removeprefix("http://")) as before:
        yield before


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    behind: str

    def do_GET(self) -> None:
        self._pass_on(b"")

    def do_POST(self) -> None:
        self._pass_on(self.rfile.read(int(self.headers["Content-Length"])))

    def _pass_on(self, body: bytes) -> None:
        if self.path not in OPEN:
            self._answer(404, "application/json")
            self._write(json.dumps({"error": {"message": "not here"}}).encode())
            self._write(b"")
            return
        with closing(HTTPConnection(self.behind, timeout=WAIT)) as there:
            there.request(self.command, self.path, body, {"Content-Type": "application/json"})
            answer = there.getresponse()
            self._answer(answer.status, answer.getheader("Content-Type") or "")
            while data := answer.read1():
                self._write(data)
        self._write(b"")

    def _answer(self, status: int, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _write(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
