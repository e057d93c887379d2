"""Requests that make no sense, and many at once: every one is answered, and answered as JSON."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.serve.serving import client, measured, served

ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 1.5, 1e308, 1 << 70, "", "\x00", "\udc80\U0001f642", "demo", [], {}),
    *([[]], [1, 2, 1 << 31], [-1], {"type": "text"}, [{"role": "user", "content": 5}], "a" * 3000),
)
BODIES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "/v1/chat/completions",
        {
            "model": "demo",
            "messages": [{"role": "user", "content": "Hello"}, {"role": "assistant"}],
            "stream": False,
            "stream_options": {"include_usage": True},
            "max_tokens": 2,
            "stop": ["x", "y"],
            "logprobs": True,
            "top_logprobs": 2,
            "response_format": {"type": "text"},
        },
    ),
    (
        "/v1/completions",
        {"model": "demo", "prompt": [1, 5], "stream": True, "max_tokens": 2, "logprobs": 1},
    ),
    ("/tokenize", {"content": "Hello", "add_special": True}),
    ("/detokenize", {"tokens": [1, 2, 3]}),
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(ctx_size=64, waiting=100) as at:
        yield at


def bodies(rng: random.Random) -> tuple[str, bytes]:
    """A path, and a body that is odd in some places, or broken."""
    path, whole = rng.choice(BODIES)
    body = json.loads(json.dumps(whole))
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        body[rng.choice([*body, "temperature", "seed", "n", "echo", "tools"])] = rng.choice(ODD)
    raw = bytearray(json.dumps(body).encode())
    for _ in range(rng.choice((0, 0, 0, 1, 3))):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    return path, bytes(raw[: rng.choice((len(raw), len(raw), rng.randrange(len(raw))))])


def test_odd_requests_get_an_answer_or_a_refusal(url: str) -> None:
    statuses = set[int]()
    with httpx2.Client(timeout=30) as asking:
        for seed in range(400):
            path, body = bodies(random.Random(seed))
            answer = asking.post(url + path, content=body)
            statuses.add(answer.status_code)
            assert answer.status_code in (200, 400, 404, 413), (seed, body, answer.text)
            if answer.headers["content-type"].startswith("text/event-stream"):
                pieces = answer.text.split("\n\n")
                assert pieces[-2:] == ["data: [DONE]", ""]
                assert all(json.loads(piece[6:]) for piece in pieces[:-2])
            else:
                assert ("error" in answer.json()) == (answer.status_code != 200)
    assert {200, 400} <= statuses


def test_many_clients_at_once_all_get_their_own_answers(url: str) -> None:
    def ask(n: int) -> str:
        said = f"Tell me about number {n}."
        reply = client(url).chat.completions.create(
            model="demo", messages=[{"role": "user", "content": said}], temperature=0, max_tokens=6
        )
        return str(reply.choices[0].message.content)

    alone = [ask(n) for n in range(10)]
    with ThreadPoolExecutor(50) as pool:
        together = list(pool.map(ask, [*range(10)] * 5))
    assert together == alone * 5
    assert measured(url, "llama2ncnn_running") == measured(url, "llama2ncnn_waiting") == 0
