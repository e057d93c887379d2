"""Finds tokens that a stream of text leaves out: those that end inside of a character.

Where several rows of tokens would say the same bytes, nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import islice

from ..text.vocabulary import Vocabulary

MAX_BYTES = 64
"""Bytes in which tokens are looked for; a character has four at most, and a word may precede it."""


class Missing:
    """Tokens of a vocabulary by their bytes."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def find(self, n: int, text: str, next_token: int) -> list[int] | None:
        """Return the ``n`` tokens that stand before ``next_token`` in a text; None unless sure."""
        own = self._vocabulary.piece(next_token)
        said = text.encode()
        if "\ufffd" in text or not said.endswith(own) or len(said) > MAX_BYTES:
            return None
        rows = list(islice(self._rows(said[: len(said) - len(own)], n), 2))
        return rows[0] if len(rows) == 1 else None

    def _rows(self, data: bytes, n: int, before: bytes = b"") -> Iterator[list[int]]:
        """Yield rows of ``n`` tokens that say the bytes, none of which ends with a character."""
        if n == 0:
            if not data:
                yield []
            return
        for size in range(1, len(data) + 1):
            if _is_whole(before + data[:size]):
                continue
            for token in self._by_bytes.get(data[:size], ()):
                for rest in self._rows(data[size:], n - 1, before + data[:size]):
                    yield [token, *rest]

    @cached_property
    def _by_bytes(self) -> dict[bytes, list[int]]:
        found: dict[bytes, list[int]] = {}
        vocabulary = self._vocabulary
        for token in range(vocabulary.vocab_size - vocabulary.n_padding):
            found.setdefault(vocabulary.piece(token), []).append(token)
        return found


def _is_whole(data: bytes) -> bool:
    """Tell whether the bytes end where a character does."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
