"""SGLang's requests and streams, of all ids so far and of the new ones."""

from __future__ import annotations

import math
from typing import Any

import pytest

from llama2ncnn_chat.errors import EngineError
from llama2ncnn_chat.events import TextDelta, Weighed
from tests.fakes import EOS, ByteTokenizer
from tests.remote.asking import asking, complete, end_of, text_of
from tests.remote.engine_server import saying, streaming

IDS = ByteTokenizer().encode("hello")
SGLANG = {
    "/get_model_info": saying(
        {"model_path": "org/small", "tokenizer_path": "org/small", "is_generation": True}
    ),
    "/v1/models": saying({"data": [{"id": "org/small", "max_model_len": 64}]}),
}


def ids(text: str) -> list[int]:
    return [byte + 3 for byte in text.encode()]


def event(tokens: list[int], n: int, reason: Any = None, **meta: Any) -> dict[str, Any]:
    """An event as the server sends it."""
    about = {"id": "1", "prompt_tokens": 6, "completion_tokens": n, "cached_tokens": 4}
    return {
        "text": None,
        "output_ids": tokens,
        "meta_info": {**about, "finish_reason": reason, **meta},
    }


STOP = {"type": "stop", "matched": EOS}


@pytest.mark.parametrize("incremental", [False, True])
def test_all_ids_so_far_or_the_new_ones(incremental: bool) -> None:
    parts = [ids("h"), ids("i"), [*ids("!"), EOS]]
    events: list[dict[str, Any]] = []
    so_far: list[int] = []
    for at, part in enumerate(parts):
        so_far = so_far + part
        reason = STOP if at == 2 else None
        events.append(event(part if incremental else so_far, len(so_far), reason))
    with asking({**SGLANG, "/generate": streaming(*events)}) as (completer, script):
        done = complete(completer)
    end = end_of(done)
    assert (text_of(done), end.reason, end.ids) == ("hi!", "stop", tuple(ids("hi!")))
    assert (end.timings.cache_n, end.timings.prompt_n) == (4, 2)
    (body,) = script.bodies("/generate")
    assert body["input_ids"] == IDS
    assert body["sampling_params"]["max_new_tokens"] == 64 - len(IDS)


@pytest.mark.parametrize("incremental", [False, True])
def test_probabilities(incremental: bool) -> None:
    told = [[-0.5, ids("h")[0], None], [-1.5, ids("i")[0], None]]
    top = [[[-0.25, 9, None], [-0.5, ids("h")[0], None]], [[-0.75, 8, None]]]
    first = event(ids("h"), 1, output_token_logprobs=told[:1], output_top_logprobs=top[:1])
    new = slice(1, 2) if incremental else slice(0, 2)
    more = {"output_token_logprobs": told[new], "output_top_logprobs": top[new]}
    last = event(ids("hi")[new], 2, {"type": "length", "length": 2}, **more)
    with asking({**SGLANG, "/generate": streaming(first, last)}) as (completer, script):
        done = complete(completer, wants_choices=True)
    choices = [e.choice for e in done if isinstance(e, TextDelta) and e.choice]
    assert [c.token for c in choices] == ids("hi")
    assert [c.probability for c in choices] == pytest.approx([math.exp(-0.5), math.exp(-1.5)])
    assert [c.top[0][0] for c in choices] == [9, 8]
    assert end_of(done).reason == "length"
    (body,) = script.bodies("/generate")
    assert (body["return_logprob"], body["top_logprobs_num"]) == (True, 10)


def test_a_text_is_weighed_in_one_request() -> None:
    text = [1, 5, 6, 7]
    meta = {
        "input_token_logprobs": [[None, 5, None], [-2.0, 6, None], [-3.0, 7, None]],
        "input_top_logprobs": [None, [[-0.1, 60, None]], [[-0.1, 70, None]]],
    }
    with asking({**SGLANG, "/generate": saying({"meta_info": meta})}) as (completer, _):
        (weighed,) = completer.weigh(text, 2)
    assert isinstance(weighed, Weighed)
    assert [(c.token, c.top[0][0]) for c in weighed.choices] == [(6, 60), (7, 70)]


def test_an_engine_that_gives_up_says_why() -> None:
    abort = event([], 0, {"type": "abort", "message": "the server is going away"})
    with (
        asking({**SGLANG, "/generate": streaming(abort)}) as (completer, _),
        pytest.raises(EngineError, match="going away"),
    ):
        complete(completer)
