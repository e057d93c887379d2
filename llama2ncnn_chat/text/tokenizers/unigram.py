"""The cut of a text into pieces whose scores add up best, as SentencePiece's unigram model has it.

It knows pieces as texts with scores; no file format, no control tokens, no bytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping

from .lookup import Lengths

UNKNOWN_PENALTY = 10.0


class BestPath:
    """Text to ids by the best path, in time that grows with the text alone."""

    def __init__(
        self,
        ids: Mapping[str, int],
        scores: Mapping[str, float],
        fallback: Callable[[str], Iterable[int]],
        unknown_score: float,
    ) -> None:
        """Take the pieces' ids and scores, and the score of a character of no piece.

        ``fallback`` gives the ids of such a character.
        """
        self._ids, self._fallback = ids, fallback
        *rounded, self._unknown_score = array("f", [*scores.values(), unknown_score])
        self._scores = dict(zip(scores, rounded, strict=True))
        self._lengths = Lengths(ids)

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text.

        Sums are float32 at every character, as the original keeps them: with its ties and its
        rounding, which decide between close cuts of a long text.
        """
        scores, size = self._scores, len(text)
        best = array("f", bytes(4 * (size + 1)))
        begins = array("q", [-1]) * (size + 1)
        rounded = array("f", [0.0])
        for at in range(size):
            here = best[at]
            alone = False
            for length in self._lengths.at(text, at):
                score = scores.get(text[at : at + length])
                if score is None:
                    continue
                end = at + length
                rounded[0] = here + score
                if begins[end] < 0 or rounded[0] > best[end]:
                    best[end], begins[end] = rounded[0], at
                alone = alone or length == 1
            rounded[0] = here + self._unknown_score
            if not alone and (begins[at + 1] < 0 or rounded[0] > best[at + 1]):
                best[at + 1], begins[at + 1] = rounded[0], at
        cuts = [size]
        while cuts[-1] > 0:
            cuts.append(begins[cuts[-1]])
        ids: list[int] = []
        for start, end in zip(cuts[:0:-1], cuts[-2::-1], strict=True):
            token = self._ids.get(text[start:end])
            ids += self._fallback(text[start:end]) if token is None else [token]
        return ids
