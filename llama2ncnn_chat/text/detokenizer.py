"""Token ids to text as they come, with no UTF-8 character ever cut in two.

It knows nothing of how a vocabulary is stored or how text became ids, only each id's bytes.
"""

from __future__ import annotations

import codecs
from typing import Protocol


class Pieces(Protocol):
    """Whatever can say which bytes an id stands for; control tokens stand for none."""

    def piece(self, token: int) -> bytes: ...


class Detokenizer:
    """One stream of ids. The law: all of ``feed`` joined, then ``flush``, is the one-shot decode.

    ``strip_prefix`` is for ids that begin a text: the space that encoding put before it (the dummy
    prefix) is dropped from the first piece, as SentencePiece does. Ids that continue a text, such
    as a reply after its prompt, keep theirs.

    Bytes that are not UTF-8 come out as U+FFFD, as Python's "replace" has it.
    """

    def __init__(self, pieces: Pieces, *, strip_prefix: bool) -> None:
        self._pieces = pieces
        self._strip_prefix = strip_prefix
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def feed(self, token: int) -> str:
        """The text that became complete with ``token``: often one word, "" within a character.

        IndexError for an id outside the vocabulary.
        """
        piece = self._pieces.piece(token)
        if not piece:
            # A control token ends a character: bytes on its two sides never join (SentencePiece).
            return self.flush()
        if self._strip_prefix:
            self._strip_prefix = False
            piece = piece.removeprefix(b" ")
        return self._decoder.decode(piece)

    def flush(self) -> str:
        """What is left when no more ids come: U+FFFD for an unfinished character, or ""."""
        return self._decoder.decode(b"", final=True)
