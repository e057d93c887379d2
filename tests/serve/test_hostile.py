"""Requests that make no sense, and many at once: every one is answered, and answered as JSON."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx2
import pytest

from llama2ncnn_chat.serve.wanted import MAX_STOPS, STOP_LENGTH
from llama2ncnn_chat.text.tokenizers.file_vocabulary import FileVocabulary
from tests.serve.odd_requests import fault_of, odd_request
from tests.serve.serving import client, measured, served

ASKING = b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\n"
LONGEST_HEAD = 1 << 16


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(ctx_size=64, waiting=100) as at:
        yield at


def test_odd_requests_get_an_answer_or_a_refusal(url: str) -> None:
    statuses = set[int]()
    with httpx2.Client(timeout=30) as asking:
        for seed in range(400):
            path, body = odd_request(random.Random(seed))
            answer = asking.post(url + path, content=body)
            statuses.add(answer.status_code)
            fault = fault_of(answer.status_code, answer.headers["content-type"], answer.text)
            assert not fault, (seed, body)
    assert {200, 400} <= statuses


def nested(n: int) -> str:
    return '{"a":' * n + "1" + "}" * n


@pytest.mark.parametrize(
    "more",
    [
        '"n": 1000000000',
        '"n": 99999999999999999999',
        f'"seed": {"9" * 5000}',
        '"temperature": NaN',
        '"temperature": Infinity',
        '"temperature": 1e999',
        '"logit_bias": {"1": -1e999}',
        '"max_tokens": 0',
        '"max_tokens": 1.5',
        '"logprobs": 11',
        '"logprobs": -1',
        '"user": 7',
        f'"stop": {json.dumps(["x"] * (MAX_STOPS + 1))}',
        f'"stop": "{"x" * (STOP_LENGTH + 1)}"',
        f'"stop": ["{"x" * (STOP_LENGTH + 1)}"]',
        r'"suffix": "\ud800"',
        r'"x": "\udc00\ud800"',
        f'"x": {nested(100_000)}',
        f'"prompt": {json.dumps("a" * 1_000_000)}',
        f'"response_format": {{"type": "json_schema", "json_schema": {{"schema": {nested(900)}}}}}',
    ],
    ids=lambda more: more[:40],
)
def test_what_makes_no_sense_is_refused(url: str, more: str) -> None:
    answer = httpx2.post(f"{url}/v1/completions", content=f'{{"prompt": "a", {more}}}')
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_of_two_of_a_name_the_last_one_counts(url: str) -> None:
    body = '{"prompt": [[]], "prompt": "a", "max_tokens": 9, "max_tokens": 1}'
    answer = httpx2.post(f"{url}/v1/completions", content=body)
    assert answer.json()["usage"]["completion_tokens"] == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/completions", {"prompt": "a" * 7_000_000}),
        ("/tokenize", {"content": "a" * 7_000_000}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "a" * 7_000_000}]}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "a"}] * 100_000}),
    ],
)
def test_what_can_never_fit_isnt_encoded(
    url: str, path: str, body: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode(*_: object, **__: object) -> list[int]:
        raise AssertionError("this takes minutes and gigabytes with a large vocabulary")

    monkeypatch.setattr(FileVocabulary, "encode", encode)
    answer = httpx2.post(url + path, json=body, timeout=30)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "context_length_exceeded"


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",  # one who wants TLS
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /" + b"a" * LONGEST_HEAD,
        ASKING + b"Host: other\r\n\r\n",
        ASKING + b"A: \x00\r\n\r\n",
        ASKING + b"A: " + b"a" * LONGEST_HEAD,
        ASKING + b"Content-Length: -1\r\n\r\n",
        ASKING + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        ASKING + b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
    ],
    ids=lambda sent: repr(sent[:30]),
)
def test_what_is_no_http_gets_json_and_ends(url: str, sent: bytes) -> None:
    at = urlsplit(url)
    with socket.create_connection((at.hostname, at.port), timeout=30) as connection:
        connection.sendall(sent)
        answer = b""
        while piece := connection.recv(1 << 16):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/json" in head.lower()
    assert json.loads(body)["error"]["type"] == "invalid_request_error"
    assert httpx2.get(f"{url}/health").status_code == 200


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [
        (500, "application/json", '{"error": {}}'),
        (200, "application/json", '{"error": {}}'),
        (400, "application/json", "{}"),
        (400, "text/plain", "Bad Request"),
        (400, "application/json", '{"error": {"message": "no /home/ann/key"}}'),
        (200, "text/event-stream", 'data: {"choices": []}\n\n'),
        (200, "text/event-stream", 'data: {"error": {}}\n\ndata: [DONE]\n\n'),
    ],
)
def test_a_wrong_answer_is_known_as_one(status: int, kind: str, text: str) -> None:
    assert fault_of(status, kind, text)


def test_many_clients_at_once_all_get_their_own_answers(url: str) -> None:
    def ask(n: int) -> str:
        said = [{"role": "user", "content": f"Tell me about number {n}."}]
        with client(url) as ai:
            reply = ai.chat.completions.create(
                model="demo", messages=said, temperature=0, max_tokens=6
            )
        return str(reply.choices[0].message.content)

    alone = [ask(n) for n in range(10)]
    with ThreadPoolExecutor(50) as pool:
        together = list(pool.map(ask, [*range(10)] * 5))
    assert together == alone * 5
    assert measured(url, "llama2ncnn_running") == measured(url, "llama2ncnn_waiting") == 0
