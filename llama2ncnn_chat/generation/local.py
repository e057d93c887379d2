"""An engine in this process as a completer: feeds only what its cache lacks, then samples on.

The one owner of the engine's cache. Knows no turns and no templates; which ids stand before the
model, its caller says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..events import (
    Event,
    Events,
    Finished,
    PrefillProgress,
    TextDelta,
    Timings,
    Weighed,
)
from ..model.engine import CalledOffError, Cancelled, Engine, Logits
from ..model.kv_cache import KvCache
from ..text.vocabulary import Vocabulary
from .background import Background
from .cached_ids import CachedIds
from .choices import choice_of
from .completer import Draws, Limits, never, refuse_too_long
from .decoding import Decoding
from .sampling import Sampler, make_sampler
from .schema import Fitting, Schemas
from .settings import Sampling

Clock = Callable[[], float]


class LocalCompleter:
    """Implements ``Completer``.

    The last token that is sampled is not fed: what its caller keeps decides what the cache becomes.
    ``clock`` gives seconds.
    """

    def __init__(
        self, engine: Engine, vocabulary: Vocabulary, *, clock: Clock = time.perf_counter
    ) -> None:
        self.note = engine.note
        self._engine, self._vocabulary, self._clock = engine, vocabulary, clock
        self._schemas = Schemas(vocabulary)
        # Logits after a message, so that another reply to it needs no token fed again.
        self._ready: tuple[list[int], Logits] | None = None
        self._cached, self._background = CachedIds(engine), Background()

    @property
    def ids(self) -> list[int]:
        """The tokens that stand in the engine's cache; what is being read ahead is called off."""
        with self._background.barred():
            return self._cached.ids

    @property
    def threads(self) -> int:
        """How many threads the engine computes with."""
        return self._engine.threads

    @threads.setter
    def threads(self, n: int) -> None:
        self._engine.threads = n

    @property
    def grain(self) -> int:
        """Of how many tokens a beginning has multiples that any text may go on from exactly."""
        return self._cached.grain

    @property
    def context_length(self) -> int:
        """How many tokens the engine's cache can hold."""
        return self._engine.context_length

    def complete(
        self,
        ids: Sequence[int],
        sampling: Sampling,
        draws: Draws,
        limits: Limits,
        *,
        wants_choices: bool = False,
        cancelled: Cancelled = never,
    ) -> Events:
        """Bring the cache to ``ids`` and sample on; see ``Completer``.

        However it ends, closed half-way or by an error, ``ids`` stay the truth.
        """
        refuse_too_long(len(ids), self.context_length)
        chance = np.random.PCG64(draws.seed).advance(draws.drawn)  # a token takes one number
        decoding = _Sampling(
            self._engine,
            self._vocabulary,
            make_sampler(sampling, np.random.Generator(chance)),
            limits,
            self._fitting(limits),
            wants_choices=wants_choices,
            cancelled=cancelled,
        )
        return self._alone(self._complete(list(ids), decoding, limits), ids)

    def refuse_unfit(self, limits: Limits) -> None:
        """Try whether what is there can become a text that fits; see ``Completer``."""
        self._fitting(limits)

    def weigh(self, ids: Sequence[int], start: int, *, cancelled: Cancelled = never) -> Events:
        """Bring the cache to all of ``ids`` but the last; see ``Completer``."""
        refuse_too_long(len(ids) - 1, self.context_length)
        return self._alone(self._weigh(list(ids), start, cancelled), ids)

    def cut(self, old: Sequence[int], new: Sequence[int]) -> None:
        """Turn a cache of ``old`` into one of ``new`` by moving what stays up; see ``Completer``.

        A cache that isn't of that form is left for ``complete`` to feed again.
        """
        with self._background.barred():
            if self._cached.cut(old, new):
                self._ready = None

    def prefill_ahead(self, ids: Callable[[], Sequence[int]]) -> None:
        """Feed these ids in a thread of its own, as far as they are worth it; see ``Completer``."""
        self._background.go_on(self._cached.feed_ahead(ids, self._background.is_called_off))

    def hold_ahead(self, seconds: float) -> None:
        """Have that wait between two layers; see ``Completer``."""
        self._background.hold(seconds)

    def close(self) -> None:
        """Give the engine's memory back; more than once does no harm."""
        with self._background.barred():
            self._engine.close()

    @property
    def computed_by(self) -> str:
        """What the cache's numbers depend on besides the model; see ``Engine``."""
        return self._engine.computed_by

    def snapshot(self) -> KvCache:
        """Copy the cache of ``ids``."""
        with self._background.barred():
            return self._engine.snapshot()

    def restore(self, cache: KvCache, ids: Sequence[int], *, ahead: bool = False) -> None:
        """Replace the cache by a copy of ``cache``, which is that of the first of these ids.

        It counts as read ``ahead`` where the next text needn't go on from just there.
        """
        with self._background.barred():
            self._engine.restore(cache)
            self._cached.settle(list(ids[: cache.n_tokens]), ahead=ahead)
            self._ready = None

    def _fitting(self, limits: Limits) -> Fitting | None:
        if limits.schema is None:
            return None
        return self._schemas.begin(limits.schema, limits.before or (), thinks=limits.thinks)

    def _alone(
        self, steps: Generator[Event, None, None], ids: Sequence[int]
    ) -> Generator[Event, None, None]:
        """Do steps that need the engine for themselves, to go on from these ids."""
        self._cached.asked_for = ids
        with self._background.barred():
            self._cached.asked_for = ()
            yield from steps

    def _complete(
        self, target: list[int], decoding: _Sampling, limits: Limits
    ) -> Generator[Event, None, None]:
        start, new = self._clock(), self._trim(target)
        cached = self._engine.position
        try:
            logits = yield from self._prefill(new, decoding.cancelled)
            read = self._clock()
            timings = Timings(self._engine.position - cached, 1000 * (read - start), cached)
            if logits is None:
                yield Finished("cancelled", (), timings)
                return
            if not limits.before:
                self._ready = (target, logits)
            yield from decoding.run(logits, target)
            timings = replace(
                timings,
                predicted_n=len(decoding.ids),
                predicted_ms=1000 * (self._clock() - read),
            )
            ids, cut = tuple(decoding.ids), decoding.json_cut
            yield Finished(decoding.reason, ids, timings, stop=decoding.stop, json_cut=cut)
        finally:
            self._cached.settle((target + decoding.ids)[: self._engine.position])

    def _weigh(
        self, ids: list[int], start: int, cancelled: Cancelled
    ) -> Generator[Event, None, None]:
        self._cached.rewind(min(self._cached.shared(ids), start - 1))
        engine, cached, begin = self._engine, self._engine.position, self._clock()
        n_tokens, last = self._vocabulary.vocab_size - self._vocabulary.n_padding, len(ids) - 1
        try:
            for first in range(cached, last, engine.prefill_chunk):
                if cancelled():
                    return
                end = min(first + engine.prefill_chunk, last)
                if end < start:  # nobody asks what follows these
                    engine.forward(ids[first:end], cancelled)
                else:
                    at = max(first + 1, start)
                    rows = engine.forward_all(ids[first:end])[at - end - 1 :, :n_tokens]
                    yield Weighed(at, tuple(map(choice_of, rows, ids[at : end + 1])))
                yield PrefillProgress(end - cached, cached, last, self._clock() - begin)
        except CalledOffError:
            return
        finally:
            self._cached.settle(ids[: engine.position])

    def _prefill(
        self, ids: list[int], cancelled: Cancelled
    ) -> Generator[PrefillProgress, None, Logits | None]:
        """Feed chunk by chunk; returns the logits after the last, None if that was cancelled."""
        if not ids:
            assert self._ready
            return self._ready[1]
        engine, cached, begin, logits = self._engine, self._engine.position, self._clock(), None
        for start in range(0, len(ids), engine.prefill_chunk):
            if cancelled():
                return None
            chunk = ids[start : start + engine.prefill_chunk]
            try:
                logits = engine.forward(chunk, cancelled)
            except CalledOffError:
                return None
            done = start + len(chunk)
            yield PrefillProgress(done, cached, cached + len(ids), self._clock() - begin)
        return logits

    def _trim(self, target: list[int]) -> list[int]:
        """Rewind to the common prefix; returns the ids still to be fed.

        There are none only where the logits after the last are still known: else it is fed again.
        """
        keep = self._cached.shared(target)
        if keep == len(target) and not (self._ready and self._ready[0] == target):
            keep = self._cached.shared(target[:-1])
        self._cached.rewind(keep)
        return target[keep:]


class _Sampling(Decoding):
    """A text in the making of which every token is sampled here, until it is ``cancelled``."""

    def __init__(
        self,
        engine: Engine,
        vocabulary: Vocabulary,
        sampler: Sampler,
        limits: Limits,
        fitting: Fitting | None,
        *,
        wants_choices: bool,
        cancelled: Cancelled,
    ) -> None:
        super().__init__(vocabulary, limits)
        self.cancelled = cancelled
        self._engine, self._fitting = engine, fitting
        self._sampler = fitting.sampler(sampler) if fitting else sampler
        self._n_tokens = vocabulary.vocab_size - vocabulary.n_padding
        self._max_tokens, self._wants_choices = limits.max_tokens, wants_choices

    @property
    def json_cut(self) -> bool:
        """Whether it is to fit a schema and ended before it did."""
        return self._fitting is not None and not (self._fitting.is_whole and self.stop is None)

    def run(self, logits: Logits, before: list[int]) -> Iterator[TextDelta]:
        """Sample from ``logits`` on until something ends it; the penalties see ``before`` too."""
        recent = [token for token in before if token < self._n_tokens]
        room = self._engine.context_length - self._engine.position
        budget = room if self._max_tokens is None else min(self._max_tokens, room)
        while len(self.ids) < budget:
            if self.cancelled():
                self.reason = "cancelled"
                break
            logits = logits[: self._n_tokens]
            token = self._sampler(logits, recent)
            yield from self.take(token, choice_of(logits, token) if self._wants_choices else None)
            if self.is_ended:
                break
            recent.append(token)
            if len(self.ids) < budget and not self.cancelled():
                logits = self._engine.forward([token])
        yield from self.flush()
