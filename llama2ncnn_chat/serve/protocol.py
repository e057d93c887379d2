"""What speaks HTTP: uvicorn's own, but what is no HTTP gets an answer in JSON, as all else does."""

from __future__ import annotations

import msgspec
from uvicorn.protocols.http.h11_impl import H11Protocol

from .answers import error

_ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b"
)


class Protocol(H11Protocol):
    """A connection; what its head may have is bounded by 64 KB."""

    def send_400_response(self, msg: str) -> None:
        """Say that this is no HTTP, and hang up."""
        body = msgspec.json.encode(error(msg, status=400))
        self.transport.write(_ANSWER % (len(body), body))
        self.transport.close()
