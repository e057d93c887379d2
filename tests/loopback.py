"""Servers on loopback that answer in threads as long as a block runs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler], **values: object) -> Iterator[str]:
    """Answer by a handler, whose attributes get these values; yields the URL. Nothing is logged."""
    own = type("Own", (handler,), {"log_message": lambda *_: None, **values})
    server = _Server(("127.0.0.1", 0), own)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # somebody hung up
            super().handle_error(request, client_address)
