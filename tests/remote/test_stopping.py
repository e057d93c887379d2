"""A stop waits for nothing that an engine has yet to say, and hangs up on it."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from llama2ncnn_chat.events import TextDelta
from llama2ncnn_chat.generation.completer import Draws, Limits
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.remote.http import Waits
from tests.fakes import ByteTokenizer
from tests.remote.asking import asking, complete, end_of, llama, llama_says, text_of
from tests.remote.engine_server import FLOOD, SILENCE, Answer, streaming
from tests.remote.test_sglang import SGLANG
from tests.remote.test_vllm import VLLM

IDS = ByteTokenizer().encode("hello")
LONG = Waits(5, 600, 600)
"""Longer than any test may take: nothing but the stop ends what is asked."""


@pytest.mark.parametrize("said", ["", "a"])
def test_a_stop_is_heard_while_nothing_comes(said: str) -> None:
    """While the prompt is read, and in mid-reply; the engine is hung up on."""
    stopped, shown = threading.Event(), threading.Event()
    said_first = streaming(*llama_says(said)).pieces
    silent = [*said_first, lambda: shown.wait(20), stopped.set, SILENCE]
    with llama(Answer(silent), waits=LONG) as (completer, script):
        events = completer.complete(IDS, Sampling(), Draws(1), Limits(), cancelled=stopped.is_set)
        done = []
        for event in events:
            done.append(event)
            if text_of(done) == said:
                shown.set()
        assert script.hung_up.wait(20)
    assert (end_of(done).reason, end_of(done).ids) == (
        "cancelled",
        tuple(b + 3 for b in said.encode()),
    )


@pytest.mark.parametrize(
    ("kind", "path"), [(VLLM, "/v1/completions"), (SGLANG, "/generate")], ids=["vLLM", "SGLang"]
)
def test_a_stop_is_heard_while_a_text_is_weighed(kind: dict[str, Answer], path: str) -> None:
    stopped = threading.Event()
    silent = Answer([stopped.set, SILENCE])
    with asking({**kind, path: silent}, waits=LONG) as (completer, script):
        assert list(completer.weigh(IDS, 2, cancelled=stopped.is_set)) == []
        assert script.hung_up.wait(20)


def test_closing_it_hangs_up() -> None:
    said = [*streaming(*llama_says("x")).pieces, FLOOD]
    with llama(Answer(said)) as (completer, script):
        with closing(completer.complete(IDS, Sampling(), Draws(1), Limits())) as events:
            next(e for e in events if isinstance(e, TextDelta))
        assert script.hung_up.wait(20)


def test_a_stop_string_ends_it_and_hangs_up() -> None:
    said = [*streaming(*llama_says("one. two")).pieces, FLOOD]
    with llama(Answer(said)) as (completer, script):
        events = complete(completer, limits=Limits(stops=(". ",)))
        assert script.hung_up.wait(20)
    end = end_of(events)
    assert (text_of(events), end.reason, end.stop) == ("one", "stop", ". ")
    assert end.ids == tuple(b + 3 for b in b"one. ")
