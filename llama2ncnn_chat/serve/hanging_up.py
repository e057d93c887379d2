"""Work that a client waits for, and that ends when the client hangs up."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

Done = TypeVar("Done")


async def while_there(request: Request, work: Coroutine[Any, Any, Done]) -> Done:
    """Return what the work comes to; raises ``ClientDisconnect`` once nobody waits for it.

    The request's body has been read.
    """
    at_work = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_hung_up(request))
    try:
        await asyncio.wait((at_work, gone), return_when=asyncio.FIRST_COMPLETED)
        if not at_work.done():
            raise ClientDisconnect
        return at_work.result()
    finally:
        for each in (at_work, gone):
            each.cancel()
        await asyncio.gather(at_work, gone, return_exceptions=True)


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
