"""The vocabulary of a llama2.c ``tokenizer.bin``: encodes as SentencePiece does, reads the format.

It gets the file's bytes and knows no files, no models and no chat templates.
"""

from __future__ import annotations

import heapq
import math
import re
import struct
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

# The layout of ids that all vocabularies of the family share.
BOS, EOS = 1, 2
_CONTROLS = {"<s>": BOS, "</s>": EOS}
FIRST_BYTE = 3  # the piece of byte b has id 3 + b
FIRST_TEXT = FIRST_BYTE + 256

MAX_PIECE_BYTES = 1024  # Llama's longest has 48

CACHED_CHUNK_CHARS = 32
CACHED_CHUNKS = 1 << 14

_SURROGATE = re.compile("[\ud800-\udfff]")


class Llama2cTokenizer:
    """A vocabulary, and the encoding that SentencePiece's BPE gives with it.

    The model is SentencePiece's with Llama's settings: identity normalization, a dummy prefix
    before any non-empty text, white space kept as it is, byte fallback. Ids 0 to 2 (unknown, BOS,
    EOS) and the byte pieces never come from the text of their names: a typed "</s>" is five
    characters.
    """

    ends = frozenset({EOS})
    begins_after_controls = False

    def __init__(self, pieces: list[bytes], scores: list[float]) -> None:
        """Take ``pieces[id]`` and ``scores[id]``, at least 259 of each.

        ``pieces[:259]`` are taken to be the control tokens and the bytes, whatever they say. Raises
        ``UnicodeDecodeError`` for another one that isn't UTF-8.
        """
        self.vocab_size = len(pieces)
        controls, bytes_ = [b""] * FIRST_BYTE, [bytes([byte]) for byte in range(256)]
        self._pieces = controls + bytes_ + pieces[FIRST_TEXT:]
        self._scores = scores
        self._ids: dict[str, int] = {}
        self._joined: set[tuple[str, str]] = set()  # characters that stand side by side in a piece
        for token in range(FIRST_TEXT, len(pieces)):
            text = pieces[token].decode()
            self._ids.setdefault(text, token)
            self._joined.update(pairwise(text))
        # Words come again and again; what is long rarely does, and would fill memory.
        self._merge_cached = lru_cache(CACHED_CHUNKS)(self._merge)

    def piece(self, token: int) -> bytes:
        """Return the bytes that an id stands for, none for a control token; else IndexError."""
        if token < 0:
            raise IndexError(f"token {token} is negative")
        return self._pieces[token]

    def first_piece(self, token: int) -> bytes:
        """Return the bytes of an id that begins a text, without the dummy prefix; or IndexError."""
        return self.piece(token).removeprefix(b" ")

    def special(self, name: str) -> int | None:
        """Return the id of a control token by its name; None if there is none.

        The file doesn't tell control tokens from text, so besides BOS and EOS any piece counts.
        """
        return _CONTROLS.get(name, self._ids.get(name))

    def encode(self, text: str, *, bos: bool = True, prefix: bool = True) -> list[int]:
        """Return the ids of any text, after BOS if ``bos``; O(n log n) in its length.

        ``prefix`` puts SentencePiece's space before it, which a text that goes on has no use for.
        U+2581, SentencePiece's mark of a space, counts as one; a lone surrogate as U+FFFD.
        """
        ids = [BOS] if bos else []
        if text:
            text = _SURROGATE.sub("\ufffd", text).replace("\u2581", " ")
            for chunk in self._chunks(" " + text if prefix else text):
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
        yield text[start:]

    def _merge(self, chunk: str) -> tuple[int, ...]:
        """Byte-pair encoding: always merge the best-scored pair, the leftmost among equals.

        Symbols are spans: the one that begins at i ends before ``ends[i]``, and the one that ends
        before j begins at ``begins[j]``. A merge leaves candidates of its two old symbols in the
        heap; they show themselves by spans that no longer hold.
        """
        ids, scores, size = self._ids, self._scores, len(chunk)
        ends = list(range(1, size + 1))
        begins = list(range(-1, size))
        candidates: list[tuple[float, int, int, int]] = []
        for left in range(size - 1):
            token = ids.get(chunk[left : left + 2])
            if token is not None:
                candidates.append((-scores[token], left, left + 1, left + 2))
        heapq.heapify(candidates)
        while candidates:
            _, left, middle, right = heapq.heappop(candidates)
            if ends[left] != middle or ends[middle] != right:
                continue
            ends[left], ends[middle], begins[right] = right, 0, left
            if left > 0:
                before = begins[left]
                token = ids.get(chunk[before:right])
                if token is not None:
                    heapq.heappush(candidates, (-scores[token], before, left, right))
            if right < size:
                after = ends[right]
                token = ids.get(chunk[left:after])
                if token is not None:
                    heapq.heappush(candidates, (-scores[token], left, right, after))
        return tuple(self._symbol_ids(chunk, ends))

    def _symbol_ids(self, chunk: str, ends: list[int]) -> Iterator[int]:
        at = 0
        while at < len(chunk):
            symbol = chunk[at : ends[at]]
            token = self._ids.get(symbol)
            if token is not None:
                yield token
            else:  # a character of no piece: its bytes
                yield from (FIRST_BYTE + byte for byte in symbol.encode())
            at = ends[at]


def parse(data: bytes) -> Llama2cTokenizer:
    """Read the content of a ``tokenizer.bin`` in any of llama2.c's three formats.

    Raises ``ValueError`` that goes on from "the tokenizer" with what is wrong.
    """
    pieces, scores = _entries(data)
    try:
        return Llama2cTokenizer(pieces, scores)
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
