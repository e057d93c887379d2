"""The vocabulary of a llama2.c ``tokenizer.bin``: reads the format; SentencePiece's BPE encodes.

It gets the file's bytes and knows no files, no models and no chat templates.
"""

from __future__ import annotations

import math
import struct
from typing import NamedTuple

from .file_vocabulary import FileVocabulary
from .merging import Merger

# The layout of ids that all vocabularies of the family share.
BOS, EOS = 1, 2
_CONTROLS = {"<s>": BOS, "</s>": EOS}
FIRST_BYTE = 3  # the piece of byte b has id 3 + b
FIRST_TEXT = FIRST_BYTE + 256

MAX_PIECE_BYTES = 1024  # Llama's longest has 48


class Llama2cEncoder:
    """The encoding that SentencePiece's BPE gives with Llama's settings.

    They are: identity normalization, a dummy prefix before any non-empty text, white space kept as
    it is, byte fallback. Ids 0 to 2 (unknown, BOS, EOS) and the byte pieces never come from the
    text of their names: a typed "</s>" is five characters.
    """

    def __init__(self, ids: dict[str, int], scores: list[float]) -> None:
        """Take the ids of the pieces that are text, and the scores by id."""
        by_text = {text: scores[token] for text, token in ids.items()}
        self._merger = Merger(ids, by_text, _byte_ids)

    def encode(self, text: str, prefix: bool) -> list[int]:
        """Return the ids of a text; ``prefix`` puts SentencePiece's space before it.

        U+2581, SentencePiece's mark of a space, counts as one.
        """
        text = text.replace("\u2581", " ")
        return self._merger.encode(" " + text if prefix else text)


def _byte_ids(character: str) -> list[int]:
    return [FIRST_BYTE + byte for byte in character.encode()]


def llama2c_vocabulary(pieces: list[bytes], scores: list[float]) -> FileVocabulary:
    """Make a vocabulary of ``pieces[id]`` and ``scores[id]``, at least 259 of each.

    ``pieces[:259]`` are taken to be the control tokens and the bytes, whatever they say. The file
    doesn't tell control tokens from text, so any piece has an id by its name. Raises
    ``UnicodeDecodeError`` for a piece that isn't UTF-8.
    """
    ids: dict[str, int] = {}
    for token in range(FIRST_TEXT, len(pieces)):
        ids.setdefault(pieces[token].decode(), token)
    controls, bytes_ = [b""] * FIRST_BYTE, [bytes([byte]) for byte in range(256)]
    return FileVocabulary(
        pieces=controls + bytes_ + pieces[FIRST_TEXT:],
        controls=ids | _CONTROLS,
        encoder=Llama2cEncoder(ids, scores),
        opening=(BOS,),
        # run.c stops at the next text's BOS: the stories that its models are trained on stand
        # between BOS and BOS, without an EOS.
        ends=frozenset({BOS, EOS}),
        strips_space=True,
    )


def parse(data: bytes) -> FileVocabulary:
    """Read the content of a ``tokenizer.bin`` in any of llama2.c's three formats.

    Raises ``ValueError`` that goes on from "the tokenizer" with what is wrong.
    """
    pieces, scores = _entries(data)
    try:
        return llama2c_vocabulary(pieces, scores)
    except UnicodeDecodeError as error:
        reason = f"is broken: an entry is {error.object!r}, which isn't UTF-8"
        raise ValueError(reason) from error


class _Table(NamedTuple):
    pieces: list[bytes]
    scores: list[float]
    problem: str = ""


def _entries(data: bytes) -> tuple[list[bytes], list[float]]:
    """Pieces and scores by id, whichever format it is; ValueError with what is wrong.

    No format says which it is, but lengths read at the wrong places go wrong within an entry or
    two: the reading that gets through, or else furthest, is the right one.
    """
    readings = [_table(data, scored=True), _table(data, scored=False)]
    best = max(readings, key=lambda table: (not table.problem, len(table.pieces)))
    if best.problem:
        raise ValueError(f"is broken or no tokenizer.bin: {best.problem}")
    if len(best.pieces) < FIRST_TEXT:
        raise ValueError(f"has {len(best.pieces)} entries, fewer than the {FIRST_TEXT} it needs")
    for byte, piece in enumerate(best.pieces[FIRST_BYTE:FIRST_TEXT]):
        # As a name (now), or as the character of that number in UTF-8 (2023).
        if piece not in (b"<0x%02X>" % byte, bytes([byte]), chr(byte).encode()):
            raise ValueError(f"is not of the Llama family: id {FIRST_BYTE + byte} isn't a byte")
    return best.pieces, best.scores


def _table(data: bytes, *, scored: bool) -> _Table:
    """Read entries up to the first that can't be: ``problem`` says why.

    Scored: int32 longest piece, then per entry float32 score, int32 length, bytes. Without scores
    there's no first number either, and ids stand in order of merge priority. Little-endian.
    """
    pieces: list[bytes] = []
    scores: list[float] = []
    head = struct.Struct("<fi" if scored else "<i")
    at = 4 if scored else 0
    if len(data) < at + head.size:
        return _Table(pieces, scores, f"it has {len(data)} bytes")
    while at < len(data):
        entry = len(pieces)
        if at + head.size > len(data):
            return _Table(pieces, scores, f"it ends within entry {entry}")
        *score, length = head.unpack_from(data, at)
        at += head.size
        if not 0 < length <= MAX_PIECE_BYTES:
            return _Table(pieces, scores, f"entry {entry} has a length of {length} bytes")
        if at + length > len(data):
            return _Table(pieces, scores, f"it ends within entry {entry}")
        if scored and not math.isfinite(score[0]):
            return _Table(pieces, scores, f"entry {entry} has a score of {score[0]}")
        pieces.append(data[at : at + length])
        scores.append(score[0] if scored else -float(entry))
        at += length
    return _Table(pieces, scores)
