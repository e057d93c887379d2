"""Byte-pair encoding as SentencePiece does it: of all neighbours, the best-scored piece first.

It knows pieces as texts with scores; no file format, no control tokens, no bytes.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import pairwise

CACHED_CHUNK_CHARS = 32
CACHED_CHUNKS = 1 << 14


class Merger:
    """Text to ids by merging characters, in O(n log n)."""

    def __init__(
        self,
        ids: Mapping[str, int],
        scores: Mapping[str, float],
        fallback: Callable[[str], Iterable[int]],
        unused: Collection[str] = (),
    ) -> None:
        """Take the pieces' ids and scores; ``fallback`` gives the ids of a character of no piece.

        Pieces in ``unused`` take part in merges and are taken apart again at the end.
        """
        self._ids, self._scores, self._fallback = ids, scores, fallback
        self._unused = frozenset(unused)
        # Characters that stand side by side in a piece.
        self._joined = {pair for text in ids for pair in pairwise(text)}
        # Words come again and again; what is long rarely does, and would fill memory.
        self._merge_cached = lru_cache(CACHED_CHUNKS)(self._merge)

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text."""
        ids: list[int] = []
        for chunk in self._chunks(text):
            short = len(chunk) <= CACHED_CHUNK_CHARS
            ids += self._merge_cached(chunk) if short else self._merge(chunk)
        return ids

    def _chunks(self, text: str) -> Iterator[str]:
        """Cut where no piece holds the two characters side by side.

        No merge can reach over such a place, so chunks encode apart exactly as they do together;
        with a real vocabulary they are about words.
        """
        start = 0
        for at, pair in enumerate(pairwise(text), 1):
            if pair not in self._joined:
                yield text[start:at]
                start = at
        if text:
            yield text[start:]

    def _merge(self, chunk: str) -> tuple[int, ...]:
        """Always merge the best-scored pair, the leftmost among equals.

        Symbols are spans: the one that begins at i ends before ``ends[i]``, and the one that ends
        before j begins at ``begins[j]``. A merge leaves candidates of its two old symbols in the
        heap; they show themselves by spans that no longer hold.
        """
        scores, size = self._scores, len(chunk)
        ends = list(range(1, size + 1))
        begins = list(range(-1, size))
        halves: dict[str, int] = {}  # where an unused piece was put together, the last time
        candidates: list[tuple[float, int, int, int]] = []

        def offer(left: int, middle: int, right: int) -> None:
            piece = chunk[left:right]
            score = scores.get(piece)
            if score is not None:
                heapq.heappush(candidates, (-score, left, middle, right))
                if piece in self._unused:
                    halves[piece] = middle - left

        for left in range(size - 1):
            offer(left, left + 1, left + 2)
        while candidates:
            _, left, middle, right = heapq.heappop(candidates)
            if ends[left] != middle or ends[middle] != right:
                continue
            ends[left], ends[middle], begins[right] = right, 0, left
            if left > 0:
                offer(begins[left], left, right)
            if right < size:
                offer(left, right, ends[right])
        return tuple(self._symbol_ids(chunk, ends, halves))

    def _symbol_ids(self, chunk: str, ends: list[int], halves: Mapping[str, int]) -> Iterator[int]:
        at = 0
        while at < len(chunk):
            waiting = [chunk[at : ends[at]]]
            while waiting:
                symbol = waiting.pop()
                if symbol in halves:
                    waiting += [symbol[halves[symbol] :], symbol[: halves[symbol]]]
                elif symbol in self._ids:
                    yield self._ids[symbol]
                else:
                    yield from self._fallback(symbol)
            at = ends[at]
