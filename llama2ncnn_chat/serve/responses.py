"""What goes back over HTTP: JSON, streams of it, refusals, and what nobody foresaw.

Nothing of a person's text, of paths or of other conversations is in an error.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from convert.crash import unforeseen

from ..errors import ChatError
from ..paths import crash_log
from ..ui.telling import tell
from .answers import Json, error
from .turns import RETRY_AFTER, FullError
from .wanted import BadRequestError


def refusal(e: ChatError) -> Response:
    """Say why a request isn't answered."""
    status, code = (e.status, e.code) if isinstance(e, BadRequestError) else (400, "")
    response = as_json(error(str(e), status=status, code=code), status)
    if isinstance(e, FullError):
        response.headers["retry-after"] = str(RETRY_AFTER)
    if status == 401:
        response.headers["www-authenticate"] = "Bearer"
    return response


def as_json(what: Json, status: int = 200) -> Response:
    """Answer with an object."""
    return Response(msgspec.json.encode(what), status, media_type="application/json")


def failure(e: Exception) -> Json:
    """Log what nobody foresaw, and say no more of it than that there was something."""
    tell(unforeseen(e, crash_log()))
    return error("something went wrong in the server", status=500)


class EventStream(StreamingResponse):
    """Server-sent events; a client that hangs up ends what it asked for."""

    def __init__(self, first: Json, pieces: AsyncGenerator[Json, None]) -> None:
        super().__init__(
            _events(first, pieces),
            media_type="text/event-stream",
            headers={"cache-control": "no-cache", "x-accel-buffering": "no"},
        )
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them, and wait for the end of what makes them, however that comes."""
        async with aclosing(self._pieces):
            await super().__call__(scope, receive, send)


async def _events(first: Json, pieces: AsyncGenerator[Json, None]) -> AsyncGenerator[bytes, None]:
    try:
        yield _event(first)
        async for piece in pieces:
            yield _event(piece)
    except ChatError as e:  # the status has been sent
        yield _event(error(e.message, status=500))
    except Exception as e:  # noqa: BLE001
        yield _event(failure(e))
    yield b"data: [DONE]\n\n"


def _event(what: Json) -> bytes:
    return b"data: " + msgspec.json.encode(what) + b"\n\n"
