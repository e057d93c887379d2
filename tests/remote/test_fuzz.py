"""Whatever an engine answers, a reader says what isn't understood and nothing else goes wrong."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llama2ncnn_chat.errors import EngineError
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.remote.chat_server import ChatReader
from llama2ncnn_chat.remote.dialect import (
    NOT_UNDERSTOOD,
    Ended,
    Missed,
    Read,
    Request,
    Said,
    Sampled,
)
from llama2ncnn_chat.remote.llama_server import LlamaReader
from llama2ncnn_chat.remote.sglang import SGLangReader
from llama2ncnn_chat.remote.vllm import VllmReader
from tests.fakes import ByteTokenizer

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 310),
    st.integers(),
    st.floats(),
    st.sampled_from(["", "a", "\ufffd", "é", "stop", "eos", "length", "abort", "token_id:5", "5"]),
)
KEYS = st.sampled_from(
    [
        *("content", "tokens", "stop", "stop_type", "tokens_predicted", "prompt_progress"),
        *("cache", "processed", "completion_probabilities", "id", "logprob", "top_logprobs"),
        *("choices", "token_ids", "finish_reason", "logprobs", "token_logprobs", "timings"),
        *("meta_info", "output_ids", "completion_tokens", "prompt_tokens", "cached_tokens"),
        *("output_token_logprobs", "output_top_logprobs", "type", "message", "token_id:5"),
        *("delta", "reasoning", "usage", "prompt_tokens_details"),
    ]
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=8),
    max_leaves=24,
)
EVENTS = st.lists(st.dictionaries(KEYS, VALUES, max_size=10), max_size=4)


@pytest.mark.parametrize("kind", [LlamaReader, VllmReader, SGLangReader])
@given(events=EVENTS, n_choices=st.sampled_from([0, 10]))
def test_nothing_else_goes_wrong(kind: Any, events: list[dict[str, Any]], n_choices: int) -> None:
    reader = kind(Request((1, 5), Sampling(), 0, 8, n_choices), ByteTokenizer())
    for event in events:
        with suppress(EngineError, *NOT_UNDERSTOOD):
            for step in reader.feed(event):
                assert isinstance(step, Read | Sampled | Missed | Ended)
                if isinstance(step, Sampled):
                    assert type(step.token) is int


CHUNKS = st.fixed_dictionaries(
    {
        "choices": st.lists(
            st.fixed_dictionaries({"delta": VALUES, "finish_reason": LEAVES}) | VALUES, max_size=2
        ),
        "usage": VALUES,
    }
)


@given(st.lists(CHUNKS | st.dictionaries(KEYS, VALUES, max_size=10), max_size=4), st.booleans())
def test_nothing_else_goes_wrong_with_messages(chunks: list[dict[str, Any]], thinks: bool) -> None:
    reader = ChatReader(thinks=thinks)
    for chunk in chunks:
        with suppress(EngineError, *NOT_UNDERSTOOD):
            for step in reader.feed(chunk):
                if isinstance(step, Said):
                    assert step.text
                    step.text.encode()
                else:
                    assert isinstance(step, Ended)
