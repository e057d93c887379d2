"""Requests that make no sense, and many at once: every one is answered, and answered as JSON."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.serve.odd_requests import fault_of, odd_request
from tests.serve.serving import client, measured, served


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
