"""The routes of the server: who may ask, and what is answered to whom. Knows no JSON of answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from .. import __version__
from ..errors import ChatError
from ..events import Finished
from ..text.detokenizer import Detokenizer
from .answers import Answer, Json, Kind, error
from .engine_room import EngineRoom
from .guard import Guard
from .hanging_up import while_there
from .metrics import Metrics
from .responses import EventStream, as_json, failure, refusal
from .task import Task, Tasks
from .turns import Client
from .wanted import (
    BadRequestError,
    ChatRequest,
    Common,
    CompletionRequest,
    DetokenizeRequest,
    TokenizeRequest,
    read_body,
)

MOST_BYTES = 8 << 20
"""Of a request's body."""

_PAGE = Path(__file__).with_name("page.html")
_PAGE_ALONE = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'"
}
"""The page may ask this server, and nobody else."""

Answering = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Server:
    """What a server answers with."""

    model: str
    tasks: Tasks
    room: EngineRoom
    metrics: Metrics
    guard: Guard

    def app(self) -> Starlette:
        """Make the ASGI application."""
        posts = {
            "/v1/chat/completions": self._chat,
            "/v1/completions": self._complete,
            "/tokenize": self._tokenize,
            "/detokenize": self._detokenize,
        }
        gets = {
            "/v1/models": self._models,
            "/v1/models/{name:path}": self._one_model,
            "/version": _version,
            "/metrics": self._measured,
            "/": _page,
        }
        guarded = [
            *(Route(path, self._guarded(path, to), methods=["POST"]) for path, to in posts.items()),
            *(Route(path, self._guarded(path, to), methods=["GET"]) for path, to in gets.items()),
        ]
        app = Starlette(
            routes=[Route("/health", _healthy), *guarded],
            middleware=self._cors(),
            exception_handlers={HTTPException: _refused},
            lifespan=self._lifespan,
        )
        app.router.redirect_slashes = False
        return app

    def _cors(self) -> list[Middleware]:
        if not (origin := self.guard.origin):
            return []
        return [
            Middleware(
                CORSMiddleware,
                allow_origins=[origin],
                allow_methods=["GET", "POST"],
                allow_headers=["*"],
            )
        ]

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        yield
        await self.room.close()

    def _guarded(self, path: str, answer: Answering) -> Answering:
        """Let in those who know the key, have errors told as JSON, and count."""

        async def answered(request: Request) -> Response:
            try:
                self.guard.refuse_stranger(
                    request.headers, changes=request.method == "POST", is_open=answer is _page
                )
                response = await answer(request)
            except ChatError as e:
                response = refusal(e)
            except ClientDisconnect:
                response = Response(status_code=499)
            except asyncio.CancelledError:  # which comes of the server's end alone
                response = refusal(BadRequestError("the server is ending", status=503))
            except Exception as e:  # noqa: BLE001 (whatever it is, the others are still served)
                response = as_json(failure(e), 500)
            self.metrics.requests.labels(path, str(response.status_code)).inc()
            return response

        return answered

    # What is answered

    async def _chat(self, request: Request) -> Response:
        wanted = read_body(ChatRequest, await _body(request))
        return await self._answer(request, wanted, "chat", partial(self.tasks.of_chat, wanted))

    async def _complete(self, request: Request) -> Response:
        wanted = read_body(CompletionRequest, await _body(request))
        return await self._answer(request, wanted, "text", partial(self.tasks.of_text, wanted))

    async def _answer(
        self, request: Request, wanted: Common, kind: Kind, make: Callable[[], Task]
    ) -> Response:
        if wanted.model not in (None, "", self.model):
            raise _no_such_model(str(wanted.model))
        task = await run_in_threadpool(make)
        answer = Answer(kind, self.model, self.tasks.vocabulary, task.n_top)
        if isinstance(wanted, CompletionRequest):
            answer.tells_ids = bool(wanted.return_token_ids)
            answer.names_ids = bool(wanted.return_tokens_as_token_ids)
        fed = self._fed(_client_of(request, wanted), task, answer)
        if not wanted.stream:
            return as_json(await while_there(request, _whole(fed, answer)))
        pieces = _pieces(fed, answer, with_usage=wanted.with_usage)
        # What is refused is refused by its status, so that the first piece is waited for here.
        return EventStream(await while_there(request, _first(pieces)), pieces)

    async def _fed(self, client: Client, task: Task, answer: Answer) -> AsyncGenerator[bool, None]:
        """Feed an answer what happens; yields, each time, whether there is new text."""
        begun, is_first = time.monotonic(), True
        async with self.room.events(client, task) as events:
            async for event in events:
                is_new = answer.feed(event)
                if is_new and is_first:
                    is_first = False
                    self.metrics.first_token.observe(time.monotonic() - begun)
                if isinstance(event, Finished):
                    self.metrics.count(event.timings)
                yield is_new

    async def _tokenize(self, request: Request) -> Response:
        wanted = read_body(TokenizeRequest, await _body(request))
        ids = await run_in_threadpool(self.tasks.tokenize, wanted.text, bos=wanted.begins)
        return as_json({"tokens": ids})

    async def _detokenize(self, request: Request) -> Response:
        wanted = read_body(DetokenizeRequest, await _body(request))
        try:
            content = await run_in_threadpool(self._text_of, wanted.tokens)
        except IndexError:
            raise BadRequestError("an id is outside of the vocabulary") from None
        return as_json({"content": content})

    def _text_of(self, ids: list[int]) -> str:
        text = Detokenizer(self.tasks.vocabulary, begins=True)
        return "".join(map(text.feed, ids)) + text.flush()

    async def _models(self, _request: Request) -> Response:
        return as_json({"object": "list", "data": [self._about()]})

    async def _one_model(self, request: Request) -> Response:
        if request.path_params["name"] != self.model:
            raise _no_such_model(request.path_params["name"])
        return as_json(self._about())

    async def _measured(self, _request: Request) -> Response:
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    def _about(self) -> Json:
        meta = {
            "n_ctx": self.tasks.context_length,
            "n_vocab": self.tasks.vocabulary.vocab_size,
        }
        about = {"object": "model", "created": 0, "owned_by": "llama2ncnn-chat", "meta": meta}
        return {"id": self.model, "max_model_len": self.tasks.context_length, **about}


def _client_of(request: Request, wanted: Common) -> Client:
    """Tell who asks: by what it says of itself or by its key, but at its own address alone."""
    address = request.client.host if request.client else ""
    return Client(address, wanted.user or request.headers.get("authorization", ""))


async def _whole(fed: AsyncGenerator[bool, None], answer: Answer) -> Json:
    async with aclosing(fed):
        async for _ in fed:
            pass
    return answer.whole()


async def _pieces(
    fed: AsyncGenerator[bool, None], answer: Answer, *, with_usage: bool
) -> AsyncGenerator[Json, None]:
    told, has_role = 0, answer.kind == "text"
    async with aclosing(fed):
        async for is_new in fed:
            if not has_role:
                yield answer.begin()
                has_role = True
            if is_new:
                yield answer.piece(answer.text[told:])
                told = len(answer.text)
    if answer.has_untold:
        yield answer.piece("")
    yield answer.end()
    if with_usage:
        yield answer.count()


async def _first(pieces: AsyncGenerator[Json, None]) -> Json:
    return await anext(pieces)


async def _body(request: Request) -> bytes:
    """Read the whole body. Raises ``BadRequestError`` for one that is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise BadRequestError(f"a request has {MOST_BYTES >> 20} MB at most", status=413)
    return bytes(body)


async def _healthy(_request: Request) -> Response:
    return as_json({"status": "ok"})


async def _version(_request: Request) -> Response:
    return as_json({"version": f"(llama2ncnn-chat {__version__})"})


async def _page(_request: Request) -> Response:
    return Response(_PAGE.read_bytes(), media_type="text/html", headers=_PAGE_ALONE)


async def _refused(_request: Request, e: Exception) -> Response:
    assert isinstance(e, HTTPException)
    response = as_json(error(e.detail, status=e.status_code), e.status_code)
    response.headers.update(e.headers or {})
    return response


def _no_such_model(name: str) -> BadRequestError:
    return BadRequestError(
        f"there is no model {name!r} here",
        "/v1/models says which there is",
        status=404,
        code="model_not_found",
    )
