"""Pieces of a SentencePiece vocabulary, each of a kind, and how text is cut into them.

It knows no file format: SentencePiece's own files and GGUF's vocabularies come to this.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple, Protocol

from .normalizer import SPACE, Normalizer

_BYTE_NAME = re.compile("<0x([0-9A-Fa-f]{2})>")


class Kind(IntEnum):
    """What a piece is for; the numbers are SentencePiece's, and GGUF's."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


class Piece(NamedTuple):
    """A piece: its text (spaces as ``SPACE``), how well it fits, and its kind."""

    text: str
    score: float
    kind: int = Kind.NORMAL


class Cutter(Protocol):
    """Text into pieces' ids by their scores."""

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text in which spaces are ``SPACE``."""


class PieceTable:
    """What pieces say together: ids by text, names of control tokens, ids of bytes."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        """Take the pieces by id. ValueError for a set that can't encode every text."""
        self.ids: dict[str, int] = {}
        self.scores: dict[str, float] = {}
        self.controls: dict[str, int] = {}
        self.user_defined: list[str] = []
        self.unused: set[str] = set()
        self.unknown: int | None = None
        self.contents: list[bytes] = []
        by_byte: dict[int, int] = {}
        for token, (text, score, kind) in enumerate(pieces):
            content = b""
            if kind == Kind.CONTROL:
                self.controls.setdefault(text, token)
            elif kind == Kind.UNKNOWN:
                self.unknown = token if self.unknown is None else self.unknown
            elif kind == Kind.BYTE:
                name = _BYTE_NAME.fullmatch(text)
                if not name:
                    raise ValueError(
                        f"is broken: id {token} is {text[:40]!r}, not the name of a byte"
                    )
                content = bytes.fromhex(name[1])
                by_byte.setdefault(content[0], token)
            else:
                content = text.replace(SPACE, " ").encode()
                if text and text not in self.ids:
                    self.ids[text], self.scores[text] = token, score
                    self.user_defined += [text] if kind == Kind.USER_DEFINED else []
                    self.unused |= {text} if kind == Kind.UNUSED else set()
            self.contents.append(content)
        if by_byte and len(by_byte) < 256:
            raise ValueError(f"is broken: it has {len(by_byte)} of the 256 bytes")
        if not by_byte and self.unknown is None:
            raise ValueError("is broken: it has no id for characters that it doesn't know")
        self.byte_ids = [by_byte[byte] for byte in range(256)] if by_byte else []

    def fallback(self, character: str) -> list[int]:
        """Return the ids of a character of no piece: its bytes', or the one for the unknown."""
        if self.byte_ids:
            return [self.byte_ids[byte] for byte in character.encode()]
        return [] if self.unknown is None else [self.unknown]

    def joined_unknown(self, ids: Iterable[int]) -> list[int]:
        """Return the ids with one in place of several unknown characters in a row."""
        joined: list[int] = []
        for token in ids:
            if token != self.unknown or joined[-1:] != [token]:
                joined.append(token)
        return joined


class UserDefined:
    """Cuts out the texts that are a piece wherever they stand, the longest at each place."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Take the texts."""
        longest_first = sorted(texts, key=len, reverse=True)
        self._pattern = re.compile(f"({'|'.join(map(re.escape, longest_first))})")
        self._any = bool(longest_first)

    def split(self, text: str) -> list[str]:
        """Return what stands between them and they themselves in turn; the first is no piece."""
        return self._pattern.split(text) if self._any else [text]


class SentencePieceEncoder:
    """Text to ids as SentencePiece does it: normalized as a whole, cut around what is protected."""

    def __init__(
        self, table: PieceTable, normalizer: Normalizer, cutter: Cutter, protected: Iterable[str]
    ) -> None:
        """Take the parts; ``protected`` are pieces that ``cutter`` isn't to find for itself."""
        self._table, self._normalizer, self._cutter = table, normalizer, cutter
        self._protected = UserDefined(protected)

    def encode(self, text: str, prefix: bool) -> list[int]:
        """Return the ids of a text; ``prefix`` puts SentencePiece's space before it."""
        ids: list[int] = []
        parts = self._protected.split(self._normalizer.normalize(text, prefix))
        for at, part in enumerate(parts):
            ids += [self._table.ids[part]] if at % 2 else self._cutter.encode(part)
        return ids if self._table.byte_ids else self._table.joined_unknown(ids)
