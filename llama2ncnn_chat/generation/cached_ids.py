"""Which ids stand in an engine's cache, and which of them were fed before anybody asked for them.

Knows no text and no sampling; when nobody else uses the engine, its owner knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from ..errors import ChatError
from ..model.engine import CalledOffError, Cancelled, Engine
from .completer import common_prefix

FEW = 4
"""Fewer tokens than these aren't fed ahead: a pass over all weights takes as long for one."""


class CachedIds:
    """``ids`` are exactly the tokens that stand in the engine's cache, which is empty at first.

    ``grain`` is of how many tokens what is fed ahead comes in multiples, so that every token is fed
    in just the pass that it would be fed in anyway.
    """

    def __init__(self, engine: Engine) -> None:
        self.ids: list[int] = []
        self.asked_for: Sequence[int] = ()  # a pass of it is not called off
        self._n_settled = 0  # of ids; the others were fed ahead
        self._engine = engine
        self.grain = engine.prefill_chunk if engine.chunks_matter else 1
        engine.rewind(0)

    def settle(self, ids: list[int], *, ahead: bool = False) -> None:
        """Note what stands in the cache now: all of it, or none, was fed ahead."""
        self.ids, self._n_settled = ids, 0 if ahead else len(ids)

    def shared(self, target: Sequence[int]) -> int:
        """Count the first ids that needn't be fed again; what was fed ahead, by whole grains."""
        keep = common_prefix(self.ids, target)
        return keep - max(0, keep - self._n_settled) % self.grain

    def rewind(self, keep: int) -> None:
        """Forget all but the first ids."""
        self._engine.rewind(keep)
        del self.ids[keep:]
        self._n_settled = min(self._n_settled, keep)

    def cut(self, old: Sequence[int], new: Sequence[int]) -> bool:
        """Turn a cache of ``old`` into one of ``new`` by moving what stays up.

        Returns whether it was of that form; else no more stays than the two have in common.
        """
        self.rewind(self.shared(list(old)))
        removed, keep = len(old) - len(new), common_prefix(self.ids, list(new))
        moved = self.ids[keep + removed :]
        if not moved or list(new[keep : keep + len(moved)]) != moved:
            return False
        self._engine.cut(keep, keep + removed)
        self.settle(self.ids[:keep] + moved)
        return True

    def feed_ahead(
        self, ids: Callable[[], Sequence[int]], is_called_off: Cancelled
    ) -> Iterator[None]:
        """Feed ids that are likely to be asked for, a chunk a step.

        A rest that isn't worth a pass is left, and what stands there is forgotten for no less.
        """
        engine, least = self._engine, max(FEW, self.grain)
        with suppress(ChatError, CalledOffError):  # what is wrong, a message will bring up again
            target = list(ids())
            keep = self.shared(target)
            if len(target) - keep >= least:
                self.rewind(keep)
            while len(target) - len(self.ids) >= least:
                end = len(self.ids) + engine.prefill_chunk
                self._feed_up_to(target[:end], is_called_off)
                yield

    def _feed_up_to(self, target: list[int], is_called_off: Cancelled) -> None:
        """Feed what lacks of the target, which is called off unless what is asked for begins so."""

        def is_off() -> bool:
            return is_called_off() and list(self.asked_for[: len(target)]) != target

        self._engine.forward(target[len(self.ids) :], is_off)
        self.ids = target
