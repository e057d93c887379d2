"""What kind of tokenizer a file holds, how many tokens, and how some of them are written.

For a person to read: looks at the content as far as that takes, and encodes nothing.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from .tokenizer_files import BUNDLE

_TIKTOKEN = re.compile(rb"[A-Za-z0-9+/]+={0,2} [0-9]{1,7}\s")
N_TIKTOKEN_SPECIAL = 256


@dataclass(frozen=True)
class TokenizerFacts:
    """A ``kind`` in words, the ``size`` (0 if the file doesn't say it), and tokens by id."""

    kind: str
    size: int = 0
    tokens: Mapping[int, str] = field(default_factory=dict, repr=False)


def facts_of_file(content: bytes) -> TokenizerFacts:
    """Look at the bytes of a tokenizer's file, or of what a converted model carries."""
    if content[:256].lstrip()[:1] == b"{":
        with suppress(ValueError, RecursionError, AttributeError, TypeError, LookupError):
            return _of_json(json.loads(content))
        return TokenizerFacts("JSON that isn't a tokenizer")
    if _TIKTOKEN.match(content[:2048]):
        return TokenizerFacts("tiktoken, byte-level", content.count(b" ") + N_TIKTOKEN_SPECIAL)
    pieces = _sentencepieces(content)
    if pieces:
        return TokenizerFacts("SentencePiece", len(pieces), dict(enumerate(pieces)))
    return TokenizerFacts("llama2.c's tokenizer.bin")


def facts_of_gguf(values: Mapping[str, Any]) -> TokenizerFacts:
    """Look at a GGUF's key-values, or at those of them that a converted model carries."""
    prefix = "tokenizer.ggml."
    model, pre = (str(values.get(f"{prefix}{key}", "")) for key in ("model", "pre"))
    tokens = values.get(f"{prefix}tokens")
    known: Sequence[str] = tokens if isinstance(tokens, list) else ()
    kind = {"llama": "SentencePiece", "gpt2": "byte-level BPE"}.get(model, repr(model))
    return TokenizerFacts(
        f"GGUF's, {kind}{f', {pre}' if pre else ''}", len(known), dict(enumerate(known))
    )


def _of_json(document: dict[str, Any]) -> TokenizerFacts:
    if document.get("format") == BUNDLE:
        if "gguf" in document:
            return facts_of_gguf(document["gguf"])
        if "tokenizer.json" in document:
            return _of_json(document["tokenizer.json"])
        return facts_of_file(base64.b64decode(document["tokenizer.model"]))
    model = document["model"]
    vocab = model["vocab"]
    tokens = {i: text for text, i in vocab.items()} if isinstance(vocab, dict) else {}
    size = len(vocab)
    added = {each["id"]: each["content"] for each in document.get("added_tokens") or ()}
    how = "with byte fallback" if model.get("byte_fallback") else "byte-level"
    kind = f"{model.get('type', 'BPE')}, {how}"
    return TokenizerFacts(kind, max([size, *(i + 1 for i in added)]), tokens | added)


def _sentencepieces(content: bytes) -> list[str]:
    """The pieces that a SentencePiece model begins with: fields of number 1, with a text in each.

    Nothing for what is none.
    """
    pieces, at = [], 0
    with suppress(IndexError, UnicodeDecodeError):
        while at < len(content) and content[at] == 0x0A:
            size, start = content[at + 1], at + 2
            if size & 0x80:
                size, start = size & 0x7F | content[at + 2] << 7, at + 3
            n = content[start + 1]
            if content[start] != 0x0A or start + size > len(content) or 2 + (n & 0x7F) > size:
                return []
            # One of more than 127 bytes is counted, not read.
            pieces.append(content[start + 2 : start + 2 + n].decode() if n < 0x80 else "")
            at = start + size
    return pieces
