"""Token ids to text as they come, with no UTF-8 character ever cut in two.

It knows nothing of how a vocabulary is stored or how text became ids, only each id's bytes.
"""

from __future__ import annotations

import codecs

from .vocabulary import Vocabulary


class Detokenizer:
    """One stream of ids. The law: all of ``feed`` joined, then ``flush``, is the one-shot decode.

    ``begins`` says that the ids begin a text: the vocabulary then tells the first one that stands
    for any bytes apart (``first_piece``). Ids that go on with a text keep all of their bytes.

    Bytes that are not UTF-8 come out as U+FFFD, as Python's "replace" has it.
    """

    def __init__(self, vocabulary: Vocabulary, *, begins: bool) -> None:
        self._vocabulary, self._begins = vocabulary, begins
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def feed(self, token: int) -> str:
        """Return the text that became complete with ``token``: often a word, "" in a character.

        Raises ``IndexError`` for an id outside the vocabulary.
        """
        piece = self._vocabulary.piece(token)
        if not piece:
            # A control token ends a character: bytes on its two sides never join (SentencePiece).
            return self.flush()
        if self._begins:
            self._begins = False
            piece = self._vocabulary.first_piece(token)
        return self._decoder.decode(piece)

    def flush(self) -> str:
        """Return what is left when no more ids come: U+FFFD for an unfinished character, or ""."""
        return self._decoder.decode(b"", final=True)
