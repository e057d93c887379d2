"""A load balancer in small: a proxy that asks servers in turns, and the next if one is gone."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from itertools import cycle
from urllib.parse import urlsplit

from tests.loopback import listening

PATIENCE = 30.0
KEPT = ("content-type", "retry-after")


@contextmanager
def balanced(*urls: str) -> Iterator[str]:
    """Stand before some servers as long as the block runs; yields where."""
    turns = cycle(urls)

    class Balancer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            for _ in urls:
                at = urlsplit(next(turns))
                connection = http.client.HTTPConnection(str(at.hostname), at.port, timeout=PATIENCE)
                with closing(connection):
                    try:
                        connection.request("POST", self.path, body)
                        answer = connection.getresponse()
                    except OSError:
                        continue
                    self._pass_on(answer)
                    return
            self.send_error(502)

        def _pass_on(self, answer: http.client.HTTPResponse) -> None:
            self.send_response(answer.status)
            for name in KEPT:
                if value := answer.headers.get(name):
                    self.send_header(name, value)
            self.end_headers()
            while piece := answer.read1():
                self.wfile.write(piece)

    with listening(Balancer) as url:
        yield url
