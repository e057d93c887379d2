"""vLLM's requests and streams: what its documentation has them say."""

from __future__ import annotations

import math
from typing import Any

import pytest

from llama2ncnn_chat.errors import Advice, EngineError, ModelError
from llama2ncnn_chat.events import TextDelta, Weighed
from llama2ncnn_chat.generation.settings import Sampling
from tests.fakes import EOS, ByteTokenizer
from tests.remote.asking import asking, complete, end_of, text_of
from tests.remote.engine_server import Answer, saying, streaming

IDS = ByteTokenizer().encode("hello")
VLLM = {
    "/version": saying({"version": "0.18.2"}),
    "/v1/models": saying(
        {
            "object": "list",
            "data": [
                {"id": "small", "object": "model", "root": "org/small", "max_model_len": 64},
                {"id": "large", "object": "model", "root": "org/large", "max_model_len": 128},
            ],
        }
    ),
}


def chunk(tokens: list[int], text: str, reason: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk as the server sends it."""
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": reason, **more}
    choice |= {"stop_reason": None, "prompt_token_ids": None, "token_ids": tokens}
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1795794944,
        "model": "small",
        "choices": [choice],
    }


def done(*chunks: dict[str, Any]) -> Answer:
    stream = streaming(*chunks)
    return Answer([*stream.pieces, b"data: [DONE]\n\n"])


def test_several_tokens_may_come_at_once_and_pieces_of_characters_too() -> None:
    a, b = (byte + 3 for byte in "é".encode())
    stream = done(
        chunk([ord("h") + 3, ord("i") + 3], "hi"), chunk([a], ""), chunk([b, EOS], "é", "stop")
    )
    with asking({**VLLM, "/v1/completions": stream}) as (completer, script):
        events = complete(completer, sampling=Sampling(top_k=0, top_p=0, repeat_penalty=1.1))
    end = end_of(events)
    assert (text_of(events), end.reason) == ("hié", "stop")
    assert end.ids == (ord("h") + 3, ord("i") + 3, a, b)
    (body,) = script.bodies("/v1/completions")
    assert (body["model"], body["prompt"], body["return_token_ids"]) == ("small", IDS, True)
    assert (body["top_k"], body["repetition_penalty"]) == (-1, 1.1)
    assert body["top_p"] > 0  # 0 is refused there
    assert "logprobs" not in body


def test_an_end_that_only_the_engine_knows_is_no_part_of_the_text() -> None:
    stream = done(chunk([ord("h") + 3], "h"), chunk([281], "", "stop"))
    with asking({**VLLM, "/v1/completions": stream}) as (completer, _):
        end = end_of(complete(completer))
    assert (end.reason, end.ids) == ("stop", (ord("h") + 3,))


def test_probabilities_go_by_ids() -> None:
    logprobs = {
        "tokens": ["token_id:107"],
        "token_logprobs": [-2.0],
        "text_offset": [0],
        "top_logprobs": [{"token_id:107": -2.0, "token_id:9": -0.5}],
    }
    stream = done(chunk([107], "h", "length", logprobs=logprobs))
    with asking({**VLLM, "/v1/completions": stream}) as (completer, script):
        events = complete(completer, wants_choices=True)
    (delta,) = [e for e in events if isinstance(e, TextDelta)]
    assert delta.choice is not None
    assert delta.choice.probability == pytest.approx(math.exp(-2))
    assert dict(delta.choice.top) == pytest.approx({9: math.exp(-0.5), 107: math.exp(-2)})
    (body,) = script.bodies("/v1/completions")
    assert (body["logprobs"], body["return_tokens_as_token_ids"]) == (10, True)


def test_a_text_is_weighed_in_one_request() -> None:
    def told(token: int, logprob: float, best: int) -> dict[str, Any]:
        by_id = {str(best): {"logprob": -0.1, "rank": 1, "decoded_token": "x"}}
        return {**by_id, str(token): {"logprob": logprob, "rank": 2, "decoded_token": "y"}}

    ids = [1, 5, 6, 7]
    prompt_logprobs = [None, told(5, -1, 50), told(6, -2, 60), told(7, -3, 70)]
    answer = saying({"choices": [{"index": 0, "text": "", "prompt_logprobs": prompt_logprobs}]})
    with asking({**VLLM, "/v1/completions": answer}) as (completer, script):
        (weighed,) = completer.weigh(ids, 2)
    assert isinstance(weighed, Weighed)
    assert (weighed.at, [c.token for c in weighed.choices]) == (2, [6, 7])
    assert [c.probability for c in weighed.choices] == pytest.approx([math.exp(-2), math.exp(-3)])
    assert [c.top[0][0] for c in weighed.choices] == [60, 70]
    assert script.bodies("/v1/completions")[0]["prompt"] == ids


@pytest.mark.parametrize(
    "told", [{}, {"choices": []}, {"choices": [{"prompt_logprobs": None}]}, []]
)
def test_an_engine_that_does_not_weigh_is_an_error(told: Any) -> None:
    answers = {**VLLM, "/v1/completions": saying(told)}
    with asking(answers) as (completer, _), pytest.raises(EngineError):
        list(completer.weigh([1, 5, 6], 2))


def test_a_vocabulary_is_not_told() -> None:
    with asking(VLLM) as (completer, _), pytest.raises(ModelError) as refused:
        completer.dialect.vocabulary()
    assert refused.value.hint is Advice.NAME_TOKENIZER


def test_ids_of_texts() -> None:
    answers = {**VLLM, "/tokenize": saying({"count": 2, "max_model_len": 64, "tokens": [5, 6]})}
    with asking(answers) as (completer, script):
        assert completer.dialect.encode("hi") == [5, 6]
    body = {"model": "small", "prompt": "hi", "add_special_tokens": False}
    assert script.bodies("/tokenize") == [body]
