"""Whatever an engine answers, a reader says what isn't understood and nothing else goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llama2ncnn_chat.errors import EngineError
from llama2ncnn_chat.events import Timings
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.remote.chat_server import ChatReader
from llama2ncnn_chat.remote.dialect import (
    NOT_UNDERSTOOD,
    Ended,
    Missed,
    Read,
    Reader,
    Request,
    Said,
    Sampled,
    Step,
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
    st.sampled_from([1e308, 10**400]),
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


def steps_of(reader: Reader, events: list[dict[str, Any]]) -> Iterator[Step]:
    """All that is understood."""
    for event in events:
        with suppress(EngineError, *NOT_UNDERSTOOD):
            yield from reader.feed(event)


def count_on(step: Step) -> None:
    """Compute what a person is shown of the counts in it."""
    ended = step if isinstance(step, Ended) else Ended(stops=True)
    read = step if isinstance(step, Read) else ended.read or Read(0, 0)
    Timings(read.processed, 0.001, read.cached, ended.n_sampled, 0.001).as_dict()


def counts_of(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """An object that counts."""
    return st.fixed_dictionaries(dict.fromkeys(names, LEAVES))


COUNTS = st.one_of(
    st.fixed_dictionaries({"prompt_progress": counts_of("cache", "processed")}),
    st.fixed_dictionaries(
        {
            "tokens_predicted": st.just(0),
            "stop": st.just(True),
            "timings": counts_of("cache_n", "prompt_n"),
        }
    ),
    st.fixed_dictionaries(
        {
            "output_ids": st.just([]),
            "meta_info": counts_of("prompt_tokens", "cached_tokens", "completion_tokens"),
        }
    ),
)
EVENTS = st.lists(COUNTS | st.dictionaries(KEYS, VALUES, max_size=10), max_size=4)


@pytest.mark.parametrize("kind", [LlamaReader, VllmReader, SGLangReader])
@given(events=EVENTS, n_choices=st.sampled_from([0, 10]))
def test_nothing_else_goes_wrong(kind: Any, events: list[dict[str, Any]], n_choices: int) -> None:
    reader = kind(Request((1, 5), Sampling(), 0, 8, n_choices), ByteTokenizer())
    for step in steps_of(reader, events):
        assert isinstance(step, Read | Sampled | Missed | Ended)
        if isinstance(step, Sampled):
            assert type(step.token) is int
        count_on(step)


ENDS = st.fixed_dictionaries(
    {
        "choices": st.just([{"finish_reason": "stop"}]),
        "usage": counts_of("prompt_tokens", "completion_tokens"),
    }
)
CHUNKS = st.fixed_dictionaries(
    {
        "choices": st.lists(
            st.fixed_dictionaries({"delta": VALUES, "finish_reason": LEAVES}) | VALUES, max_size=2
        ),
        "usage": VALUES,
    }
)


@given(
    st.lists(CHUNKS | ENDS | st.dictionaries(KEYS, VALUES, max_size=10), max_size=4), st.booleans()
)
def test_nothing_else_goes_wrong_with_messages(chunks: list[dict[str, Any]], thinks: bool) -> None:
    for step in steps_of(ChatReader(thinks=thinks), chunks):
        if isinstance(step, Said):
            assert step.text
            step.text.encode()
        else:
            assert isinstance(step, Ended)
            count_on(step)
