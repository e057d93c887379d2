"""What a server says that takes messages, chunk by chunk, as OpenAI's reference has it."""

from __future__ import annotations

from typing import Any

from tests.remote.engine_server import Answer, saying, streaming

PATH = "/v1/chat/completions"
USAGE = {"prompt_tokens": 12, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 8}}
MODELS = {
    "/v1/models": saying(
        {
            "object": "list",
            "data": [
                {"id": "small", "object": "model", "created": 1795794944, "owned_by": "library"},
                {"id": "large", "object": "model", "created": 1795794944, "owned_by": "library"},
            ],
        }
    )
}


def chunk(reason: str | None = None, **delta: Any) -> dict[str, Any]:
    """A chunk as the server sends it."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1795794944,
        "model": "small",
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
    }


def usage(told: Any = USAGE) -> dict[str, Any]:
    """The chunk after the last one."""
    return {**chunk(), "choices": [], "usage": told}


def done(*chunks: Any) -> Answer:
    """A whole answer."""
    return Answer([*streaming(*chunks).pieces, b"data: [DONE]\n\n"])


def says(text: str, *, n_tokens: int = 3) -> Answer:
    """A reply, a character at a time, that the server says has so many tokens."""
    first = chunk(role="assistant", content="")
    told = usage({**USAGE, "completion_tokens": n_tokens})
    return done(first, *(chunk(content=c) for c in text), chunk("stop"), told)


def breaks_off(text: str) -> Answer:
    """A reply that ends in mid-stream."""
    return streaming(*(chunk(content=c) for c in text), cuts=True)
