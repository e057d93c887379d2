"""What SentencePiece does to a text before it is cut: a table of replacements, and white space.

It knows no pieces. Source: the behaviour of SentencePiece's ``Normalizer``; the table of a
``precompiled_charsmap`` is a double array of darts-clone, and the texts that its values point into.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt

from .lookup import Lengths

SPACE = "\u2581"
"""SentencePiece's mark of a space."""

MAX_KEY_BYTES, MAX_NODES = 64, 1 << 19
"""Bounds on a table of replacements, in which keys may share their ends; nmt_nfkc_cf has 12 bytes
and less than 300,000."""


class Normalizer:
    """A normalizer with its settings."""

    def __init__(
        self,
        rules: Mapping[str, str] | None = None,
        *,
        add_dummy_prefix: bool = True,
        remove_extra_whitespaces: bool = False,
        protected: Collection[str] = (),
    ) -> None:
        """Take the table and the settings; ``protected`` are pieces that no rule changes."""
        self._rules = rules or {}
        self._add_dummy_prefix = add_dummy_prefix
        self._remove_extra_whitespaces = remove_extra_whitespaces
        self._protected = frozenset(protected)
        self._lengths = Lengths({*self._rules, *self._protected})

    def normalize(self, text: str, prefix: bool) -> str:
        """Return the text with its spaces as ``SPACE``, one before it if a text begins there."""
        if self._rules:
            text = self._replaced(text)
        mark = SPACE if prefix and self._add_dummy_prefix else ""
        if not self._remove_extra_whitespaces:
            return mark + text.replace(" ", SPACE)
        text = re.sub(" +", " ", text)
        text = text.removeprefix(" ") if prefix else text
        return (mark + text.replace(" ", SPACE)).rstrip(SPACE) if text else ""

    def _replaced(self, text: str) -> str:
        """The longest rule at each place; a protected piece stands for itself."""
        out: list[str] = []
        at = 0
        while at < len(text):
            known = [text[at : at + n] for n in reversed(self._lengths.at(text, at))]
            found = next((t for t in known if t in self._protected), None)
            if found is not None:
                out.append(found)
            else:
                found = next((t for t in known if t in self._rules), text[at])
                out.append(self._rules.get(found, found))
            at += len(found)
        return "".join(out)


def rules_of(charsmap: bytes) -> dict[str, str]:
    """Read a ``precompiled_charsmap``; empty for none. ValueError for what isn't one."""
    if not charsmap:
        return {}
    if len(charsmap) < 4:
        raise ValueError("its normalization table is cut off")
    (size,) = struct.unpack_from("<I", charsmap)
    if size % 4 or size > len(charsmap) - 4 or size < 4:
        raise ValueError(f"its normalization table has a trie of {size} bytes")
    units = np.frombuffer(charsmap, "<u4", size // 4, 4).astype(np.int64)
    texts = charsmap[4 + size :]
    rules: dict[str, str] = {}
    try:
        for key, at in _keys(units):
            end = texts.find(b"\0", at)
            if at >= len(texts) or end < 0:
                raise ValueError(f"its normalization table points to {at} of {len(texts)} bytes")
            rules[key.decode()] = texts[at:end].decode()
    except UnicodeDecodeError as error:
        raise ValueError("its normalization table isn't UTF-8") from error
    return rules


def _keys(units: npt.NDArray[np.int64]) -> list[tuple[bytes, int]]:
    """All keys of a double array with their values.

    A unit has its label in bits 0 to 7, "has a leaf" in bit 8, and an offset in bits 10 to 30, by
    256 if bit 9 is set; a leaf has bit 31 and its value below. The children of a unit lie at
    ``base ^ label``, so a unit tells by its place and label which base it is a child of.
    """
    places = np.arange(len(units))
    labels = units & 0xFF
    inner = np.flatnonzero((units >> 31 == 0) & (labels > 0))
    children: dict[int, list[int]] = {}
    for place, base in zip(inner.tolist(), (inner ^ labels[inner]).tolist(), strict=True):
        children.setdefault(base, []).append(place)
    bases = (places ^ ((units >> 10 & 0x1FFFFF) << (units >> 6 & 8))).tolist()
    has_leaf, label_of = (units >> 8 & 1).tolist(), labels.tolist()
    values = (units & 0x7FFFFFFF).tolist()
    found: list[tuple[bytes, int]] = []
    waiting, met = [(0, b"")], 1
    while waiting:
        place, key = waiting.pop()
        base = bases[place]
        if has_leaf[place] and key:
            if base >= len(units):
                raise ValueError("its normalization table points outside itself")
            found.append((key, values[base]))
        below = children.get(base, ())
        met += len(below)
        if met > MAX_NODES or len(key) > MAX_KEY_BYTES:
            raise ValueError("its normalization table has no end")
        waiting += [(child, key + bytes([label_of[child]])) for child in below]
    return found
