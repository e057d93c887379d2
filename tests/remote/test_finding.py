"""What an engine is, by what it answers; what is none is told so."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from llama2ncnn_chat.errors import Advice, EngineError
from llama2ncnn_chat.remote.address import address_of
from llama2ncnn_chat.remote.chat_server import ChatServer
from llama2ncnn_chat.remote.finding import find_engine
from llama2ncnn_chat.remote.http import MAX_ANSWER, Connection, Waits
from tests.remote.asking import KEY, LLAMA, dialect_of
from tests.remote.engine_server import JSON, Answer, Script, saying, serving
from tests.remote.messages import MODELS as MESSAGES
from tests.remote.test_sglang import SGLANG
from tests.remote.test_vllm import VLLM

MODELS = {"/v1/models": LLAMA["/v1/models"]}


@contextmanager
def connected(answers: dict[str, Any]) -> Iterator[Connection]:
    with serving(Script(answers)) as script:
        connection = Connection(address_of(script.url, KEY), Waits(5, 5, 5))
        try:
            yield connection
        finally:
            connection.close()


@pytest.mark.parametrize(
    ("answers", "kind", "model", "length"),
    [
        (LLAMA, "llama-server", "tiny", 64),
        (VLLM, "vLLM 0.18.2", "small", 64),
        (SGLANG, "SGLang", "org/small", 64),
    ],
    ids=["llama-server", "vLLM", "SGLang"],
)
def test_what_it_is(answers: dict[str, Any], kind: str, model: str, length: int) -> None:
    with connected(answers) as connection:
        facts = dialect_of(connection).facts
    assert (facts.kind, facts.model, facts.context_length) == (kind, model, length)


def models(**about: Any) -> dict[str, Any]:
    """Two models, of which that is said."""
    return {"/v1/models": saying({"data": [{"id": name, **about} for name in ("small", "large")]})}


PAGE = Answer([b"<html>"], kind="text/html")
"""What some say of all that they don't have, with status 200."""

UNEXPECTED = saying({"error": "Unexpected endpoint or method. (GET /props)"})
"""What LM Studio says of all that it doesn't have, with status 200."""

FORBIDDEN = saying({"error": {"message": "not for you"}}, 403)
"""What a gateway says of all that it doesn't let through."""

LM_STUDIO = dict.fromkeys(("/props", "/get_model_info", "/version", "/api/version"), UNEXPECTED)


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ({**MESSAGES, "/api/version": saying({"version": "0.13.1"})}, "ollama 0.13.1"),
        (MESSAGES, "a server like OpenAI's"),
        ({**LM_STUDIO, **MESSAGES}, "a server like OpenAI's"),
        ({**MESSAGES, "/version": saying({"version": "v3.8.0"})}, "a server like OpenAI's"),
        ({**MESSAGES, "/api/version": saying({"version": "\x1b[31m" * 99})}, "ollama [31m"),
        ({**LLAMA, **MESSAGES}, "a server like OpenAI's"),
        ({**LLAMA, **models(meta=None)}, "a server like OpenAI's"),
        ({**SGLANG, **MESSAGES}, "a server like OpenAI's"),
        ({**VLLM, **models(max_model_len=None)}, "a server like OpenAI's"),
        ({**dict.fromkeys(LM_STUDIO, PAGE), **MESSAGES}, "a server like OpenAI's"),
        ({**dict.fromkeys(LM_STUDIO, FORBIDDEN), **MESSAGES}, "a server like OpenAI's"),
    ],
    ids=[
        *("ollama", "OpenAI", "LM Studio", "another that has a version", "an odd version"),
        *("like llama-server", "a model without meta", "like SGLang", "a model of no length"),
        *("pages for people", "a gateway"),
    ],
)
def test_what_takes_messages_alone(answers: dict[str, Any], kind: str) -> None:
    with connected(answers) as connection:
        first, named = find_engine(connection), find_engine(connection, "large")
        with pytest.raises(EngineError, match="no model 'huge'; it has small, large"):
            find_engine(connection, "huge")
    assert isinstance(first, ChatServer)
    assert isinstance(named, ChatServer)
    assert first.kind.startswith(kind)
    assert first.kind.isprintable()
    assert (first.model, first.others) == ("small", ("large",))
    assert (named.model, named.others) == ("large", ("small",))


def test_one_of_several_models_is_named() -> None:
    with connected(VLLM) as connection:
        assert dialect_of(connection, "large").facts.context_length == 128
        with pytest.raises(EngineError, match="no model 'huge'; it has small, large"):
            find_engine(connection, "huge")


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({}, "none of the engines"),
        ({"/props": saying([]), "/version": saying(3)}, "none of the engines"),
        ({"/props": saying({"error": {"message": "Loading model"}}, 503)}, "Loading model"),
        ({"/props": FORBIDDEN}, "none of the engines"),
        ({"/v1/models": PAGE}, "none of the engines"),
        ({"/props": Answer([b"x" * (MAX_ANSWER // 64)] * 65, kind=JSON)}, "none of the engines"),
        ({**LLAMA, "/v1/models": PAGE}, "its models"),
        ({**LLAMA, "/props": saying({"default_generation_settings": {}})}, "n_ctx"),
        ({**LLAMA, "/v1/models": saying({"data": []})}, "has no model"),
        ({**LLAMA, "/v1/models": saying({"data": [3]})}, "its models"),
        ({**LLAMA, **models(meta={"n_vocab": "\x1b[31m"})}, "what it is"),
        (
            {"/props": saying({"default_generation_settings": {"n_ctx": 1e999}}), **MODELS},
            "what it",
        ),
        ({"/v1/models": saying({"data": []})}, "has no model"),
        ({"/v1/models": saying({"data": [{"name": "x"}]})}, "its models"),
        ({**VLLM, **models(max_model_len="long")}, "what it is"),
    ],
)
def test_what_is_none(answers: dict[str, Any], why: str) -> None:
    with connected(answers) as connection, pytest.raises(EngineError, match=why) as refused:
        find_engine(connection)
    assert KEY not in str(refused.value)


LOCKED = saying({"error": {"message": "no key"}}, 401)


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({**MESSAGES, "/props": LOCKED}, "answers 401: no key"),  # llama-server
        ({**VLLM, "/v1/models": LOCKED}, "answers 401: no key"),
        ({"/v1/models": LOCKED}, "answers 401: no key"),
        ({"/v1/models": FORBIDDEN}, "answers 403: not for you"),
    ],
)
def test_what_wants_a_key_is_told_to_be_given_one(answers: dict[str, Any], why: str) -> None:
    with connected(answers) as connection, pytest.raises(EngineError, match=why) as refused:
        find_engine(connection)
    assert refused.value.hint is Advice.NAME_KEY
    assert KEY not in str(refused.value)


def test_where_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    connection = Connection(address_of(f"127.0.0.1:{port}"))
    with pytest.raises(EngineError, match=f"no engine at 127.0.0.1:{port}") as refused:
        find_engine(connection)
    connection.close()
    assert refused.value.hint == "is it running?"
