"""What is fed ahead is fed in the passes that it would be fed in anyway, and only once."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.events import TextDelta
from llama2ncnn_chat.generation.completer import Draws, Limits
from llama2ncnn_chat.generation.local import LocalCompleter
from llama2ncnn_chat.generation.settings import GREEDY
from llama2ncnn_chat.model.engine import Cancelled
from tests.conversation.scripted import finish
from tests.fakes import ByteTokenizer, Float32, ScriptedEngine

TOKENIZER = ByteTokenizer()
CHUNK = 8


def muddled(ids: Sequence[int]) -> int:
    return 100 + zlib.crc32(np.asarray(ids, np.int32).tobytes()) % 26


class PassingEngine(ScriptedEngine):
    """An engine that knows of each token in its cache in which pass it was fed."""

    def __init__(self, *, chunks_matter: bool) -> None:
        super().__init__(muddled, context_length=1000)
        self.chunks_matter, self.prefill_chunk = chunks_matter, CHUNK
        self._passes: list[tuple[int, int]] = []

    @property
    def passes(self) -> list[tuple[int, int]]:
        return self._passes[: self.position]

    def forward_all(self, ids: Sequence[int]) -> Float32:
        start = self.position
        result = super().forward_all(ids)
        self._passes[start:] = [(start, start + len(ids))] * len(ids)
        return result


def ahead(completer: LocalCompleter, ids: Sequence[int]) -> None:
    completer.prefill_ahead(lambda: ids)
    finish(completer)


def reply(completer: LocalCompleter, ids: Sequence[int]) -> list[int]:
    events = completer.complete(ids, GREEDY, Draws(0), Limits(5))
    return [token for event in events if isinstance(event, TextDelta) for token in event.ids]


DRAFTS = st.lists(st.text("ab", min_size=0, max_size=40), max_size=5)


@pytest.mark.parametrize("chunks_matter", [False, True])
@given(before=DRAFTS, drafts=DRAFTS, sent=st.text("ab", min_size=1, max_size=40))
@settings(max_examples=60)
def test_a_reply_is_what_it_would_be(
    chunks_matter: bool, before: list[str], drafts: list[str], sent: str
) -> None:
    engine, plain = (PassingEngine(chunks_matter=chunks_matter) for _ in range(2))
    typed, untyped = LocalCompleter(engine, TOKENIZER), LocalCompleter(plain, TOKENIZER)
    path: list[int] = []
    for text in [*before, sent]:
        path += TOKENIZER.encode(text)
        # What is typed begins as what is sent, but for drafts that came to nothing.
        for draft in (*drafts, *(text[:n] for n in range(0, len(text), 7))):
            ahead(typed, path[: len(path) - len(TOKENIZER.encode(text))] + TOKENIZER.encode(draft))
        said = reply(untyped, path)
        assert reply(typed, path) == said
        assert engine.ids == plain.ids == typed.ids
        if chunks_matter:
            assert engine.passes == plain.passes
        path += said


def test_what_was_fed_ahead_is_not_fed_again() -> None:
    engine = PassingEngine(chunks_matter=False)
    completer, ids = LocalCompleter(engine, TOKENIZER), TOKENIZER.encode("a long message " * 4)
    for n in range(len(ids)):
        ahead(completer, ids[:n])
    assert engine.ids == ids[:-1][: len(ids) // 4 * 4]
    reply(completer, ids)
    assert len(engine.fed) == len(ids) + 4  # and the reply, but for its last token


def test_what_is_there_is_forgotten_for_nothing_shorter_than_a_pass() -> None:
    engine = PassingEngine(chunks_matter=False)
    completer, ids = LocalCompleter(engine, TOKENIZER), TOKENIZER.encode("one two three four")
    ahead(completer, ids)
    there = list(engine.ids)
    ahead(completer, ids[:6])
    ahead(completer, [*ids[:6], 99])
    assert engine.ids == there


class SlowEngine(PassingEngine):
    """An engine that, in the background, computes until somebody wants it for something else."""

    def __init__(self) -> None:
        super().__init__(chunks_matter=False)
        self.begun, self.is_wanted = threading.Event(), threading.Event()

    def forward(self, ids: Sequence[int], cancelled: Cancelled | None = None) -> Float32:
        if threading.current_thread() is not threading.main_thread():
            self.begun.set()
            assert self.is_wanted.wait(10)
        return super().forward(ids, cancelled)


@pytest.mark.parametrize("is_asked_for", [True, False])
def test_a_pass_is_called_off_unless_it_is_asked_for(is_asked_for: bool) -> None:
    engine = SlowEngine()
    completer, ids = LocalCompleter(engine, TOKENIZER), TOKENIZER.encode("a" * 100)
    engine.is_wanted = completer._background._called_off
    completer.prefill_ahead(lambda: ids)
    assert engine.begun.wait(10)
    sent = [*ids[: CHUNK + 1], 99] if is_asked_for else ids[:4]
    said = reply(completer, sent)
    assert said == reply(LocalCompleter(PassingEngine(chunks_matter=False), TOKENIZER), sent)
    assert engine.passes[0] == ((0, CHUNK) if is_asked_for else (0, 4))
    assert len(engine.fed) == len(sent) + 4


def test_nothing_is_fed_ahead_while_a_reply_is_written() -> None:
    engine = PassingEngine(chunks_matter=False)
    completer, ids = LocalCompleter(engine, TOKENIZER), TOKENIZER.encode("hello")
    events = completer.complete(ids, GREEDY, Draws(0), Limits(5))
    next(events)
    ahead(completer, TOKENIZER.encode("something else"))
    assert [e.ids for e in events if isinstance(e, TextDelta)]
    assert completer.ids[: len(ids)] == ids


def test_what_is_refused_is_left_to_the_message() -> None:
    engine = PassingEngine(chunks_matter=False)
    completer = LocalCompleter(engine, TOKENIZER)

    def refused() -> list[int]:
        raise ChatError("not so")

    completer.prefill_ahead(refused)
    finish(completer)
    assert reply(completer, TOKENIZER.encode("hello"))
