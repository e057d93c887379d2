"""The routes of the server: who may ask, and what is answered to whom. Knows no JSON of answers."""

from __future__ import annotations

import hmac
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import ChatError
from ..events import Finished
from ..text.detokenizer import Detokenizer
from .answers import Answer, Json, Kind, error
from .engine_room import EngineRoom
from .metrics import Metrics
from .responses import EventStream, as_json, failure, refusal
from .task import Task, Tasks
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

LOOPBACK = ("localhost", "127.0.0.1", "::1")

_PAGE = Path(__file__).with_name("page.html")
_PAGE_ALONE = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'"
}
"""The page may ask this server, and nobody else."""

Answering = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Server:
    """What a server answers with. ``key`` is what clients have to know, if anything.

    ``hosts`` are the names that it may be asked by, any if there are none: a page on another host,
    whose name leads here, isn't answered.
    """

    model: str
    tasks: Tasks
    room: EngineRoom
    metrics: Metrics
    key: str = ""
    hosts: tuple[str, ...] = LOOPBACK

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
            "/metrics": self._measured,
            "/": _page,
        }
        guarded = [
            *(Route(path, self._guarded(path, to), methods=["POST"]) for path, to in posts.items()),
            *(Route(path, self._guarded(path, to), methods=["GET"]) for path, to in gets.items()),
        ]
        return Starlette(
            routes=[Route("/health", _healthy), *guarded],
            exception_handlers={HTTPException: _refused},
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        yield
        await self.room.close()

    def _guarded(self, path: str, answer: Answering) -> Answering:
        """Let in those who know the key, have errors told as JSON, and count."""

        async def answered(request: Request) -> Response:
            try:
                self._refuse_stranger(request)
                response = await answer(request)
            except ChatError as e:
                response = refusal(e)
            except ClientDisconnect:
                response = Response(status_code=499)
            except Exception as e:  # noqa: BLE001 (whatever it is, the others are still served)
                response = as_json(failure(e), 500)
            self.metrics.requests.labels(path, str(response.status_code)).inc()
            return response

        return answered

    def _refuse_stranger(self, request: Request) -> None:
        if self.hosts and request.url.hostname not in self.hosts:
            raise BadRequestError("this server has another name", status=421)
        said = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.key and not hmac.compare_digest(said.encode(), self.key.encode()):
            raise BadRequestError(
                "the API key is missing or wrong", status=401, code="invalid_api_key"
            )

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
        if not wanted.stream:
            return await self._whole(request, task, answer)
        pieces = self._pieces(task, answer, with_usage=wanted.with_usage)
        first = await anext(pieces)  # what is refused is refused by its status
        return EventStream(first, pieces)

    async def _whole(self, request: Request, task: Task, answer: Answer) -> Response:
        async with aclosing(self._fed(task, answer)) as fed:
            async for _ in fed:
                if await request.is_disconnected():
                    raise ClientDisconnect
        return as_json(answer.whole())

    async def _pieces(
        self, task: Task, answer: Answer, *, with_usage: bool
    ) -> AsyncGenerator[Json, None]:
        told, has_role = 0, answer.kind == "text"
        async with aclosing(self._fed(task, answer)) as fed:
            async for is_new in fed:
                if not has_role:
                    yield answer.begin()
                    has_role = True
                if is_new:
                    yield answer.piece(answer.text[told:])
                    told = len(answer.text)
        yield answer.end()
        if with_usage:
            yield answer.count()

    async def _fed(self, task: Task, answer: Answer) -> AsyncGenerator[bool, None]:
        """Feed an answer what happens; yields, each time, whether there is new text."""
        begun, is_first = time.monotonic(), True
        async with self.room.events(task) as events:
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
        ids = self.tasks.vocabulary.encode(wanted.content, bos=wanted.add_special)
        return as_json({"tokens": ids})

    async def _detokenize(self, request: Request) -> Response:
        wanted = read_body(DetokenizeRequest, await _body(request))
        text = Detokenizer(self.tasks.vocabulary, begins=True)
        try:
            content = "".join(map(text.feed, wanted.tokens)) + text.flush()
        except IndexError:
            raise BadRequestError("an id is outside of the vocabulary") from None
        return as_json({"content": content})

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
        return {"id": self.model, **about}


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


async def _page(_request: Request) -> Response:
    return Response(_PAGE.read_bytes(), media_type="text/html", headers=_PAGE_ALONE)


async def _refused(_request: Request, e: Exception) -> Response:
    assert isinstance(e, HTTPException)
    return as_json(error(e.detail, status=e.status_code), e.status_code)


def _no_such_model(name: str) -> BadRequestError:
    return BadRequestError(
        f"there is no model {name!r} here",
        "/v1/models says which there is",
        status=404,
        code="model_not_found",
    )
