"""The vocabulary that a tokenizer's file describes: a table of its tokens, and an encoder of text.

It knows no file format; what a format has of its own is in the encoder and in the table's values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

_SURROGATE = re.compile("[\ud800-\udfff]")

KNOWN_ENDS = (
    "</s>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<end_of_turn>",
)
"""Names of control tokens that end a text or a turn wherever they are known."""


class TextEncoder(Protocol):
    """Plain text to ids: never a control token's, whatever the text says."""

    def encode(self, text: str, prefix: bool) -> list[int]:
        """Return the ids of a text that isn't empty; ``prefix``: a text begins there."""


@dataclass(frozen=True)
class FileVocabulary:
    """A ``Vocabulary``. ``pieces[id]`` are the bytes of a token, none for a control token.

    ``controls`` are the ids of control tokens by name; ``opening`` is what the original puts before
    a text; ``strips_space`` says that a text begins with a space of its tokenizer's own, and
    ``begins_after_controls`` that it does so after every control token. The last ``n_padding`` ids
    are rows of the model for which the file has no token.
    """

    pieces: Sequence[bytes] = field(repr=False)
    controls: Mapping[str, int]
    encoder: TextEncoder
    opening: tuple[int, ...]
    ends: frozenset[int]
    strips_space: bool = False
    begins_after_controls: bool = False
    n_padding: int = 0
    ids_are_tokens: bool = True

    @property
    def vocab_size(self) -> int:
        """Return how many ids there are, the model's padding included."""
        return len(self.pieces)

    def with_ends(self, ids: Iterable[int]) -> FileVocabulary:
        """Return the same vocabulary with more ids that end a text."""
        return replace(self, ends=self.ends | frozenset(ids))

    def padded(self, vocab_size: int) -> FileVocabulary:
        """Return the same vocabulary with ids of nothing up to a model's number of rows."""
        more = vocab_size - len(self.pieces)
        pieces = [*self.pieces, *[b""] * more]
        return replace(self, pieces=pieces, n_padding=self.n_padding + more)

    def encode(self, text: str, *, bos: bool = True, prefix: bool = True) -> list[int]:
        """Return the ids of any text, after what the original begins a text with if ``bos``.

        Names of control tokens in it are text like any other; a lone surrogate counts as U+FFFD.
        """
        ids = list(self.opening) if bos else []
        if text:
            ids += self.encoder.encode(_SURROGATE.sub("\ufffd", text), prefix)
        return ids

    def special(self, name: str) -> int | None:
        """Return the id of a control token by its name; None if there is none."""
        return self.controls.get(name)

    def piece(self, token: int) -> bytes:
        """Return the bytes that an id stands for, none for a control token; else IndexError."""
        if token < 0:
            raise IndexError(f"token {token} is negative")
        return self.pieces[token]

    def first_piece(self, token: int) -> bytes:
        """Return the bytes of an id that begins a text, without the tokenizer's own space."""
        piece = self.piece(token)
        return piece.removeprefix(b" ") if self.strips_space else piece
