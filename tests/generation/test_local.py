"""The stream of events, on a scripted engine whose every token is known beforehand."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from llama2ncnn_chat.errors import PromptTooLongError
from llama2ncnn_chat.events import Event, Events, Finished, PrefillProgress, TextDelta
from llama2ncnn_chat.generation.completer import Draws, Limits
from llama2ncnn_chat.generation.local import LocalCompleter
from llama2ncnn_chat.generation.settings import GREEDY, Sampling
from llama2ncnn_chat.model.engine import Cancelled
from tests.fakes import EOS, ByteTokenizer, ScriptedEngine

TOKENIZER = ByteTokenizer()
PROMPT = TOKENIZER.encode("go")


def saying(reply: str, **kwargs: int) -> ScriptedEngine:
    """An engine that answers ``PROMPT`` with ``reply`` and EOS."""
    script = [byte + 3 for byte in reply.encode()] + [EOS]

    def next_token(ids: Sequence[int]) -> int:
        return script[min(len(ids) - len(PROMPT), len(script) - 1)]

    return ScriptedEngine(next_token, **kwargs)


def complete(
    engine: ScriptedEngine,
    ids: Sequence[int] = PROMPT,
    limits: Limits | None = None,
    sampling: Sampling = GREEDY,
    **kw: Any,
) -> Events:
    completer = LocalCompleter(engine, TOKENIZER)
    return completer.complete(ids, sampling, Draws(0), limits or Limits(), **kw)


def run(engine: ScriptedEngine, limits: Limits | None = None) -> list[Event]:
    return list(complete(engine, limits=limits))


def text_of(events: list[Event]) -> str:
    return "".join(e.text for e in events if isinstance(e, TextDelta))


def end_of(events: list[Event]) -> Finished:
    assert isinstance(events[-1], Finished)
    assert sum(isinstance(e, Finished) for e in events) == 1
    return events[-1]


class PaddedTokenizer(ByteTokenizer):
    """A tokenizer of a model that has 20 more rows."""

    vocab_size, n_padding = 320, 20


@pytest.mark.parametrize(
    "sampling", [GREEDY, Sampling(temperature=5.0, top_k=0, top_p=1.0), Sampling(repeat_penalty=2)]
)
def test_ids_without_a_token_are_never_sampled(sampling: Sampling) -> None:
    engine = ScriptedEngine(lambda ids: 300 + len(ids) % 20, vocab_size=320)
    completer = LocalCompleter(engine, PaddedTokenizer())
    before = [*PROMPT, 319]  # as older versions may have written
    events = list(completer.complete(before, sampling, Draws(0), Limits(40), wants_choices=True))
    ids = end_of(events).ids
    assert ids
    assert max(ids) < 300
    choices = [e.choice for e in events if isinstance(e, TextDelta) and e.choice]
    assert all(token < 300 for choice in choices for token, _ in choice.top)


def test_text_until_eos_and_no_stray_token_after_it() -> None:
    engine = saying("hello")
    events = run(engine)
    assert text_of(events) == "hello"
    end = end_of(events)
    assert end.reason == "stop"
    assert end.ids == tuple(TOKENIZER.encode("hello", bos=False))
    # The last sampled token was fed to learn of the EOS; the EOS itself was not.
    assert engine.ids == [*PROMPT, *end.ids]


class TwoEnds(ByteTokenizer):
    ends = frozenset({EOS, 290})


@pytest.mark.parametrize("end", sorted(TwoEnds.ends))
def test_any_of_the_vocabularys_ends_ends_a_reply(end: int) -> None:
    script = [*TOKENIZER.encode("hi", bos=False), end]
    engine = ScriptedEngine(lambda ids: script[len(ids) - len(PROMPT)])
    completer = LocalCompleter(engine, TwoEnds())
    events = list(completer.complete(PROMPT, GREEDY, Draws(0), Limits()))
    assert text_of(events) == "hi"
    assert (end_of(events).reason, end_of(events).ids) == ("stop", tuple(script[:2]))


def test_the_last_token_before_a_limit_is_not_fed() -> None:
    engine = saying("hello")
    end = end_of(run(engine, Limits(max_tokens=3)))
    assert (end.reason, len(end.ids)) == ("length", 3)
    assert engine.ids == [*PROMPT, *end.ids[:2]]


def test_no_tokens_wanted_gives_none() -> None:
    end = end_of(run(saying("hello"), Limits(max_tokens=0)))
    assert (end.reason, end.ids) == ("length", ())


def test_the_context_ends_a_reply_and_is_used_to_the_last_place() -> None:
    engine = saying("x" * 100, context_length=12)
    end = end_of(run(engine))
    assert end.reason == "length"
    assert len(PROMPT) + len(end.ids) == 12


@pytest.mark.parametrize("room", [3, 2, 1])
def test_a_prompt_without_room_for_a_reply_is_refused_with_numbers(room: int) -> None:
    engine = saying("hello", context_length=room)
    with pytest.raises(PromptTooLongError, match=rf"3 tokens and the context of {room}"):
        run(engine)
    assert engine.fed == []


def test_stop_strings_span_tokens_and_are_not_shown() -> None:
    events = run(saying("one STOP two"), Limits(stops=("STOP",)))
    assert text_of(events) == "one "
    assert end_of(events).reason == "stop"


def test_what_only_looked_like_a_stop_is_shown_at_the_end() -> None:
    events = run(saying("one STO"), Limits(stops=("STOP",)))
    assert text_of(events) == "one STO"


def test_a_character_split_over_tokens_appears_whole() -> None:
    events = run(saying("añ€🦙!"))
    assert text_of(events) == "añ€🦙!"
    assert all("\ufffd" not in e.text for e in events if isinstance(e, TextDelta))


def test_a_reply_cut_inside_a_character_says_so() -> None:
    assert text_of(run(saying("a€"), Limits(max_tokens=2))) == "a\ufffd"


def test_cancel_between_tokens_keeps_what_was_said() -> None:
    engine = saying("hello")
    stop = threading.Event()
    seen = ""
    for event in complete(engine, cancelled=stop.is_set):
        if isinstance(event, TextDelta):
            seen += event.text
            if seen == "hel":
                stop.set()
        end = event
    assert isinstance(end, Finished)
    assert (seen, end.reason, len(end.ids)) == ("hel", "cancelled", 3)
    assert engine.ids == [*PROMPT, *end.ids[:2]]  # not one more step was computed


def test_cancel_between_prefill_chunks() -> None:
    engine = ScriptedEngine(lambda ids: 5, context_length=1000)
    stop = threading.Event()
    for event in complete(engine, [5] * 500, cancelled=stop.is_set):
        stop.set()
        end = event
    assert isinstance(end, Finished)
    assert (end.reason, end.ids) == ("cancelled", ())
    assert 0 < end.timings.prompt_n < 100
    assert engine.position == end.timings.prompt_n


def test_cancel_in_the_middle_of_a_prefill_chunk() -> None:
    engine = ScriptedEngine(lambda ids: 5, context_length=1000)
    polls = itertools.count()
    events = complete(engine, [5] * 500, cancelled=lambda: next(polls) >= 3)
    end = end_of(list(events))
    assert (end.reason, end.timings.prompt_n, engine.position) == ("cancelled", 16, 16)


def test_prefill_progress_counts_up_to_the_total() -> None:
    engine = ScriptedEngine(lambda ids: 2, context_length=1000)
    completer = LocalCompleter(engine, TOKENIZER)
    list(completer.complete([7] * 10, GREEDY, Draws(0), Limits()))
    ids = [7] * 10 + [5] * 300
    events = list(completer.complete(ids, GREEDY, Draws(0), Limits()))
    progress = [e for e in events if isinstance(e, PrefillProgress)]
    assert [p.processed for p in progress] == sorted({p.processed for p in progress})
    assert (progress[-1].processed, progress[-1].cached, progress[-1].total) == (300, 10, 310)


def test_a_prompt_is_fed_in_the_engines_chunks_however_long_they_take() -> None:
    """The chunks are the model's, not the clock's: the same seed must give the same text."""
    engine = ScriptedEngine(lambda ids: 2, context_length=2000)
    forward, sizes = engine.forward, []

    def counting(ids: Sequence[int], cancelled: Cancelled | None = None) -> np.ndarray:
        sizes.append(len(ids))
        return forward(ids, cancelled)

    engine.forward = counting  # type: ignore[method-assign]
    list(complete(engine, [5] * 100))
    assert sizes == [16] * 6 + [4]


def test_the_prompt_counts_for_the_penalties() -> None:
    flat = ScriptedEngine(lambda ids: 7)
    sampling = Sampling(temperature=0.0, presence_penalty=50.0)
    for prompt, want in ([5], 7), ([7], 0):
        events = list(complete(flat, prompt, Limits(max_tokens=1), sampling))
        assert end_of(events).ids == (want,)


def test_timings_add_up() -> None:
    ticks = iter(range(1000))
    completer = LocalCompleter(saying("hello"), TOKENIZER, clock=lambda: float(next(ticks)))
    t = end_of(list(completer.complete(PROMPT, GREEDY, Draws(0), Limits()))).timings
    assert (t.prompt_n, t.cache_n, t.predicted_n) == (3, 0, 5)
    assert t.prompt_ms > 0
    assert t.predicted_ms > 0
    assert t.prompt_per_second == pytest.approx(3000 / t.prompt_ms)
    assert t.as_dict()["predicted_n"] == 5


def test_the_chance_goes_on_where_it_was_left() -> None:
    """A reply that a full context parts in two draws the same tokens as in one piece."""
    hot = Sampling(temperature=50.0, top_k=0, top_p=1.0, min_p=0.0)
    engine = ScriptedEngine(lambda ids: 7, context_length=1000)
    completer = LocalCompleter(engine, TOKENIZER)

    def ids(before: Sequence[int], n: int, drawn: int) -> list[int]:
        limits = Limits(max_tokens=n, before=())
        events = completer.complete(before, hot, Draws(3, drawn), limits)
        return list(end_of(list(events)).ids)

    whole = ids(PROMPT, 9, 0)
    assert len(set(whole)) > 3
    first = ids(PROMPT, 4, 0)
    assert first == whole[:4]
    assert ids([*PROMPT, *first], 5, 4) == whole[4:]
