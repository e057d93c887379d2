"""Tells vocabularies apart by what they make of a few texts.

The texts never change: stored sessions go by what comes of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from ..text.vocabulary import Vocabulary

WORDS = (
    "hello",
    "Once upon a time",
    "internationalization",
    "HTTPServer",
    "snake_case_name",
    "don't I'LL we've",
    "naïve façade Ünïcödé",
    "größer Straße",
    "żółć łąka",
    "Привет, мир",
    "Ελλάδα",
    "שלום",
    "مرحبا",
    "नमस्ते",
    "สวัสดี",
    "日本語のテキスト",
    "你好,世界",
    "안녕하세요",
    "0",
    "12345678",
    "3.14159",
    "2026-11-27",
    "1,000,000",
    "😀",
    "👩‍💻 🇪🇺",
    "e\u0301",
    "\u00a0\u200b",
    "!?#$%&",
    "(a) [b] {c}",
    "<tag attr='x'>",
    "a+b==c!=d",
    "\\n \\t \\u0041",
)
AROUND = ("{}", "  {}\n\n{}\t")
"""Each word as it is, and between spaces, lines and itself."""

PROBES = tuple(around.replace("{}", word) for around in AROUND for word in WORDS)


def fingerprint_of(vocabulary: Vocabulary) -> str:
    """Return what is the same for two vocabularies that agree in the ids of all probes."""
    n_tokens = vocabulary.vocab_size - vocabulary.n_padding
    return fingerprint(n_tokens, lambda text: vocabulary.encode(text, bos=False))


def fingerprint(n_tokens: int, encode: Callable[[str], list[int]]) -> str:
    """Return the fingerprint of so many tokens, and of what makes ids of a text."""
    said = json.dumps([n_tokens, [encode(text) for text in PROBES]]).encode()
    return f"vocabulary-{hashlib.sha256(said).hexdigest()}"
