"""An engine and the ids in its cache: brings it to any sequence by feeding only what differs.

Knows no turns and no templates; the session says which ids it wants to stand before the model.
"""

from __future__ import annotations

import time

from ..events import Events, Finished, TextDelta, Timings
from ..generation.generate import Limits, decode, prefill
from ..generation.sampling import Sampler
from ..model.engine import Cancelled, Engine, Logits
from ..model.kv_cache import KvCache
from ..text.vocabulary import Vocabulary
from .renderer import common_prefix


class PromptCache:
    """The one owner of the engine's cache. ``ids`` are exactly the tokens that stand in it."""

    def __init__(self, engine: Engine, tokenizer: Vocabulary) -> None:
        self.ids: list[int] = []
        self._engine, self._tokenizer = engine, tokenizer
        # Logits after a message, so that another reply to it needs no token fed again.
        self._ready: tuple[list[int], Logits] | None = None
        engine.rewind(0)

    def generate(
        self, target: list[int], sampler: Sampler, limits: Limits, cancelled: Cancelled
    ) -> Events:
        """Bring the cache to ``target`` and sample on: prefill, text, and one ``Finished``.

        However it ends, closed half-way or by an error, ``ids`` stay the truth.
        """
        new, start = self._trim(target), time.perf_counter()
        cached = self._engine.position
        sampled: list[int] = []
        try:
            if new:
                logits = yield from prefill(self._engine, new, cancelled=cancelled)
            else:
                assert self._ready
                logits = self._ready[1]
            elapsed = 1000 * (time.perf_counter() - start)
            timings = Timings(self._engine.position - cached, elapsed, cached)
            if logits is None:
                yield Finished("cancelled", (), timings)
                return
            if not limits.before:
                self._ready = (target, logits)
            for event in decode(
                self._engine,
                self._tokenizer,
                logits,
                list(target),
                sampler,
                limits,
                timings,
                cancelled=cancelled,
            ):
                if isinstance(event, TextDelta):
                    sampled += event.ids
                yield event
        finally:
            self.ids = (target + sampled)[: self._engine.position]

    def shift(self, old: list[int], new: list[int]) -> None:
        """Turn a cache of ``old`` into one of ``new``, which is ``old`` with a piece cut out.

        What stays isn't fed again, so it still carries what it heard of the piece. A cache that
        isn't of that form is left for ``generate`` to feed again.
        """
        self._rewind(common_prefix(self.ids, old))
        removed, keep = len(old) - len(new), common_prefix(self.ids, new)
        moved = self.ids[keep + removed :]
        if moved and new[keep : keep + len(moved)] == moved:
            self._engine.cut(keep, keep + removed)
            self.ids, self._ready = self.ids[:keep] + moved, None

    def snapshot(self) -> tuple[list[int], KvCache]:
        """The ids in the cache and a copy of it."""
        return list(self.ids), self._engine.snapshot()

    def restore(self, cache: KvCache, ids: list[int]) -> None:
        """Take over a cache of the first of these ids."""
        self._engine.restore(cache)
        self.ids, self._ready = ids[: cache.n_tokens], None

    def _trim(self, target: list[int]) -> list[int]:
        """Rewind to the common prefix; returns the ids still to be fed.

        There are none only where the logits after the last are still known: else it is fed again.
        """
        keep = common_prefix(self.ids, target)
        if keep == len(target) and not (self._ready and self._ready[0] == target):
            keep -= 1
        self._rewind(keep)
        return target[keep:]

    def _rewind(self, keep: int) -> None:
        self._engine.rewind(keep)
        del self.ids[keep:]
