"""Prompt ids to a stream of events: prefill in chunks, then sample, detokenise, stop.

Knows no turns and no templates. What is fed to the engine and what is sampled are kept apart: the
last sampled token is not fed, so the caller's record of ids decides what the cache becomes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from ..errors import PromptTooLongError
from ..events import Event, Finished, FinishReason, PrefillProgress, TextDelta, Timings
from ..model.engine import CalledOffError, Cancelled, Engine, Logits
from ..text.detokenizer import Detokenizer
from ..text.vocabulary import Vocabulary
from .sampling import Sampler
from .stops import StopFilter

Clock = Callable[[], float]


@dataclass(frozen=True)
class Limits:
    """Where a generation ends besides at an end token: ``max_tokens`` (None: the context) and stop
    strings.

    ``before`` are ids of the same text, whose last character may be waiting for its other half;
    None if what is generated goes on in another text, so that its first space is a space.
    """

    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    before: tuple[int, ...] | None = None


def never() -> bool:
    """The ``cancelled`` of a generation that nobody can stop."""
    return False


def generate(
    engine: Engine,
    tokenizer: Vocabulary,
    new_ids: Sequence[int],
    sampler: Sampler,
    limits: Limits,
    *,
    cancelled: Cancelled = never,
    clock: Clock = time.perf_counter,
) -> Iterator[Event]:
    """Feed ``new_ids`` after what the engine's cache holds, and stream what follows.

    Yields ``PrefillProgress`` per chunk, ``TextDelta`` per token, and at last one ``Finished``.
    ``cancelled`` is polled per layer of a chunk and per token. Raises ``PromptTooLongError`` before
    anything is fed.
    """
    refuse_too_long(len(new_ids), engine.position, engine.context_length)
    cached, start = engine.position, clock()
    logits = yield from prefill(engine, new_ids, cancelled=cancelled, clock=clock)
    timings = Timings(engine.position - cached, 1000 * (clock() - start), cached, 0, 0.0)
    if logits is None:
        yield Finished("cancelled", (), timings)
        return
    recent = list(new_ids)
    yield from decode(
        engine,
        tokenizer,
        logits,
        recent,
        sampler,
        limits,
        timings,
        cancelled=cancelled,
        clock=clock,
    )


def prefill(
    engine: Engine,
    ids: Sequence[int],
    *,
    cancelled: Cancelled = never,
    clock: Clock = time.perf_counter,
) -> Generator[PrefillProgress, None, Logits | None]:
    """Feed chunk by chunk; returns the logits after the last, None if it was cancelled before."""
    cached, begin, logits = engine.position, clock(), None
    for start in range(0, len(ids), engine.prefill_chunk):
        if cancelled():
            return None
        batch = ids[start : start + engine.prefill_chunk]
        try:
            logits = engine.forward(batch, cancelled)
        except CalledOffError:
            return None
        done = start + len(batch)
        yield PrefillProgress(done, cached, cached + len(ids), clock() - begin)
    return logits


def decode(
    engine: Engine,
    tokenizer: Vocabulary,
    logits: Logits,
    recent: list[int],
    sampler: Sampler,
    limits: Limits,
    timings: Timings,
    *,
    cancelled: Cancelled = never,
    clock: Clock = time.perf_counter,
) -> Iterator[Event]:
    """Sample from ``logits`` on until something ends it: ``TextDelta`` per token, ``Finished``.

    ``recent`` are the ids so far, for the penalties; what is sampled is added. ``timings`` are the
    prefill's.
    """
    text = Detokenizer(tokenizer, begins=limits.before is not None)
    for token in limits.before or ():
        text.feed(token)
    stops = StopFilter(limits.stops)
    room = engine.context_length - engine.position
    budget = room if limits.max_tokens is None else min(limits.max_tokens, room)
    ids: list[int] = []
    reason: FinishReason = "length"
    start = clock()
    while len(ids) < budget:
        if cancelled():
            reason = "cancelled"
            break
        token = sampler(logits, recent)
        if token in tokenizer.ends:
            reason = "stop"
            break
        ids.append(token)
        recent.append(token)
        yield TextDelta(stops.feed(text.feed(token)), (token,))
        if stops.stopped:
            reason = "stop"
            break
        if len(ids) < budget and not cancelled():
            logits = engine.forward([token])
    tail = "" if stops.stopped else stops.feed(text.flush()) + stops.flush()
    if tail:
        yield TextDelta(tail, ())
    elapsed = 1000 * (clock() - start)
    yield Finished(reason, tuple(ids), replace(timings, predicted_n=len(ids), predicted_ms=elapsed))


def refuse_too_long(n_new: int, position: int, context_length: int) -> None:
    """Raise ``PromptTooLongError`` unless ``n_new`` tokens fit and leave room for one more."""
    free = context_length - position
    if n_new >= free:
        raise PromptTooLongError(
            f"the prompt is {n_new:,} tokens and the context of {context_length:,} has room for "
            f"{max(0, free - 1):,}",
            "shorten it",
        )
