"""Byte-level vocabularies: the alphabet in which they write bytes, and how they cut words.

The alphabet is that of ``bytes_to_unicode`` in GPT-2's encoder, a visible character for each byte;
the patterns are those of the models' own ``tokenizer.json``. It knows no files.
"""

from __future__ import annotations

from typing import Any

_VISIBLE = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
_OTHERS = [byte for byte in range(256) if byte not in _VISIBLE]

CHARACTERS = [chr(byte if byte in _VISIBLE else 256 + _OTHERS.index(byte)) for byte in range(256)]
"""The character of each byte."""

_BYTES = {character: byte for byte, character in enumerate(CHARACTERS)}


def spelled(data: bytes) -> str:
    """Write bytes in the alphabet."""
    return "".join([CHARACTERS[byte] for byte in data])


def read(text: str) -> bytes:
    """Return the bytes of a token: what is not all in the alphabet stands for itself, in UTF-8."""
    try:
        return bytes([_BYTES[character] for character in text])
    except KeyError:
        return text.encode("utf-8", "replace")


_TAIL = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_SHORT = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_CASED = [rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}{a}{_LOWER}{b}" for a, b in ("*+", "+*")]
_MARKS = r"| ?[^\s\p{L}\p{N}]+"

GPT2 = rf"'s|'t|'re|'ve|'m|'ll|'d| ?\p{{L}}+| ?\p{{N}}+{_MARKS}|\s+(?!\S)|\s+"
LLAMA3 = rf"{_SHORT}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}{_MARKS}[\r\n]*|{_TAIL}"
QWEN2 = rf"{_SHORT}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{_MARKS}[\r\n]*|{_TAIL}"
TEKKEN = rf"{_CASED[0]}|{_CASED[1]}|\p{{N}}{_MARKS}[\r\n/]*|{_TAIL}"
GPT4O = rf"{_CASED[0]}{_SHORT}?|{_CASED[1]}{_SHORT}?|\p{{N}}{{1,3}}{_MARKS}[\r\n/]*|{_TAIL}"
DIGIT = r"\p{N}"


def byte_level_json(
    vocab: dict[str, int],
    merges: list[Any],
    patterns: list[str],
    *,
    ignore_merges: bool,
    added: list[dict[str, Any]],
) -> dict[str, Any]:
    """Write a byte-level vocabulary, its words cut by each of the patterns in turn."""
    cuts = [
        {"type": "Split", "pattern": {"Regex": p}, "behavior": "Isolated", "invert": False}
        for p in patterns
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    return {
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [*cuts, byte_level | {"trim_offsets": True}],
        },
        "post_processor": None,
        "decoder": byte_level | {"trim_offsets": True},
        "model": {
            "type": "BPE",
            "vocab": vocab,
            "merges": merges,
            "ignore_merges": ignore_merges,
        },
    }
