"""What the rest of the program asks of a model's vocabulary, whatever file it came from.

It knows no file format, no template and no model: those who use a vocabulary see this and no more.
"""

from __future__ import annotations

from typing import Protocol


class Vocabulary(Protocol):
    """Text to token ids, and ids to the bytes that they stand for."""

    @property
    def vocab_size(self) -> int:
        """Return how many ids there are: 0 to ``vocab_size - 1``."""

    @property
    def n_padding(self) -> int:
        """Return how many of the last ids are rows of the model without a token: never sampled."""

    @property
    def ends(self) -> frozenset[int]:
        """Return the ids that end a text; a reply is over where the model samples one."""

    @property
    def begins_after_controls(self) -> bool:
        """Return whether a text begins anew after every control token, and gets its prefix again.

        So it is where a tokenizer.json prepends it, and in llama.cpp.
        """

    @property
    def ids_are_tokens(self) -> bool:
        """Return whether its ids are a model's tokens; else they are a way to write text down.

        How many those are tells nothing of a model, so no person is shown that.
        """

    def encode(self, text: str, *, bos: bool = True, prefix: bool = True) -> list[int]:
        """Return the ids of any text, after the id that begins one if ``bos``.

        ``prefix`` says that the text stands where a text begins, for vocabularies that put a space
        before it there. Names of control tokens in the text are text like any other.
        """

    def special(self, name: str) -> int | None:
        """Return the id of a control token by its name, such as "<s>"; None if there is none."""

    def piece(self, token: int) -> bytes:
        """Return the bytes that an id stands for, none for a control token.

        Raises ``IndexError`` for an id outside the vocabulary.
        """

    def first_piece(self, token: int) -> bytes:
        """Return the bytes of an id that begins a text: without what ``prefix`` put before it.

        Raises ``IndexError`` for an id outside the vocabulary.
        """
