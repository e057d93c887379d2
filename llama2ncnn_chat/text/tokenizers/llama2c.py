"""The vocabulary of a llama2.c ``tokenizer.bin``: reads the format; encodes as SentencePiece does.

It gets the file's bytes and knows no files, no models and no chat templates.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import NamedTuple

from .file_vocabulary import FileVocabulary
from .merging import Merger
from .pieces import Cutter
from .unigram import UNKNOWN_PENALTY, BestPath

# The layout of ids that Llama's vocabularies share; Mistral's have control tokens before the bytes.
BOS, EOS = 1, 2
_CONTROLS = {"<s>": BOS, "</s>": EOS}
N_CONTROLS = 3
N_BYTES = 256
FIRST_BYTE = 3  # where bytes have no names, as in 2023

MAX_PIECE_BYTES = 1024  # Llama's longest has 48


class Llama2cEncoder:
    """The encoding that SentencePiece gives with Llama's settings.

    They are: identity normalization, a dummy prefix before any non-empty text, white space kept as
    it is, byte fallback. Control tokens and the byte pieces never come from the text of their
    names: a typed "</s>" is five characters.
    """

    def __init__(self, ids: dict[str, int], scores: list[float], byte_ids: Sequence[int]) -> None:
        """Take the ids of the pieces that are text, the scores by id, and the ids of bytes.

        BPE has the order of its merges for scores: whole numbers. What has others is unigram.
        """
        by_text = {text: scores[token] for text, token in ids.items()}

        def fallback(character: str) -> list[int]:
            return [byte_ids[byte] for byte in character.encode()]

        self._cutter: Cutter = Merger(ids, by_text, fallback)
        if not all(score.is_integer() for score in by_text.values()):
            unknown_score = min(by_text.values()) - UNKNOWN_PENALTY
            self._cutter = BestPath(ids, by_text, fallback, unknown_score)

    def encode(self, text: str, prefix: bool) -> list[int]:
        """Return the ids of a text; ``prefix`` puts SentencePiece's space before it.

        U+2581, SentencePiece's mark of a space, counts as one.
        """
        text = text.replace("\u2581", " ")
        return self._cutter.encode(" " + text if prefix else text)


def llama2c_vocabulary(
    pieces: list[bytes], scores: list[float], byte_ids: Sequence[int] = ()
) -> FileVocabulary:
    """Make a vocabulary of ``pieces[id]`` and ``scores[id]``, at least 259 of each.

    Ids 0 to 2 are control tokens, and so is what stands between them and the first byte where all
    of it has a score of 0. ``byte_ids`` are where the bytes are, behind those three by default. The
    file doesn't tell control tokens from text, so any piece has an id by its name. Raises
    ``UnicodeDecodeError`` for a piece that isn't UTF-8.
    """
    byte_ids = byte_ids or range(FIRST_BYTE, FIRST_BYTE + N_BYTES)
    n_controls = min(byte_ids)
    if any(scores[N_CONTROLS:n_controls]):
        n_controls = N_CONTROLS
    bytes_at = dict(zip(byte_ids, range(N_BYTES), strict=True))
    named: dict[str, int] = {}
    ids: dict[str, int] = {}
    contents = [b""] * len(pieces)
    for token in range(N_CONTROLS, len(pieces)):
        if token in bytes_at:
            contents[token] = bytes([bytes_at[token]])
            continue
        text = pieces[token].decode()
        named.setdefault(text, token)
        if token >= n_controls:
            ids.setdefault(text, token)
            contents[token] = pieces[token]
    return FileVocabulary(
        pieces=contents,
        controls=named | _CONTROLS,
        encoder=Llama2cEncoder(ids, scores, byte_ids),
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
        return llama2c_vocabulary(pieces, scores, _byte_ids(pieces))
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
    if len(best.pieces) < N_CONTROLS + N_BYTES:
        least = N_CONTROLS + N_BYTES
        raise ValueError(f"has {len(best.pieces)} entries, fewer than the {least} it needs")
    return best.pieces, best.scores


def _byte_ids(pieces: list[bytes]) -> Sequence[int]:
    """The ids of the bytes, by their names wherever they stand; in 2023 they had none."""
    places: dict[bytes, int] = {}
    for token, piece in enumerate(pieces):
        places.setdefault(piece, token)
    named = [places.get(b"<0x%02X>" % byte, 0) for byte in range(N_BYTES)]
    if min(named) >= N_CONTROLS:
        return named
    for byte, piece in enumerate(pieces[FIRST_BYTE : FIRST_BYTE + N_BYTES]):
        # As a name (now), or as the character of that number in UTF-8 (2023).
        if piece not in (b"<0x%02X>" % byte, bytes([byte]), chr(byte).encode()):
            raise ValueError(f"is not of the Llama family: id {FIRST_BYTE + byte} isn't a byte")
    return range(FIRST_BYTE, FIRST_BYTE + N_BYTES)


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
