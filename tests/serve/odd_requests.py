"""Requests that are odd in some places, or broken, and what is wrong with an answer to them."""

from __future__ import annotations

import json
import random
from typing import Any

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
OTHERS = (
    *("temperature", "seed", "n", "echo", "tools", "min_p", "top_k", "top_p", "repeat_penalty"),
    *("repetition_penalty", "return_token_ids", "return_tokens_as_token_ids", "prompt", "x"),
)
EXPECTED = (200, 400, 404, 413)
TELLTALES = ("Traceback", 'File "', ".py", "/home/", "/tmp/", "site-packages")


def odd_request(rng: random.Random) -> tuple[str, bytes]:
    """A path, and a body that is odd in some places, or broken."""
    path, whole = rng.choice(BODIES)
    body = json.loads(json.dumps(whole))
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        body[rng.choice([*body, *OTHERS])] = rng.choice(ODD)
    raw = bytearray(json.dumps(body).encode())
    for _ in range(rng.choice((0, 0, 0, 1, 3))):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    return path, bytes(raw[: rng.choice((len(raw), len(raw), rng.randrange(len(raw))))])


def fault_of(status: int, kind: str, text: str) -> str:
    """What is wrong with an answer, if anything; ``kind`` is its content type."""
    if status not in EXPECTED:
        return f"the status is {status}: {text[:200]}"
    if told := next((each for each in TELLTALES if each in text), ""):
        return f"it tells of {told}: {text[:200]}"
    try:
        if not kind.startswith("text/event-stream"):
            is_refused = "error" in json.loads(text)
            return "" if is_refused == (status != 200) else f"{status} goes with {text[:200]}"
        *pieces, done, end = text.split("\n\n")
        if (done, end) != ("data: [DONE]", "") or any("error" in json.loads(p[6:]) for p in pieces):
            return f"the stream ends with {text[-200:]}"
    except ValueError:
        return f"it is no JSON: {text[:200]}"
    return ""
