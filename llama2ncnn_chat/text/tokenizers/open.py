"""The door to tokenizer files: reads one, has its format's module parse it, holds it to the model.

It looks at the content and not at names, but for the names that files have inside a folder. It
knows no format from inside and no model beyond the size of its vocabulary.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import ModelError, UsageError
from ...reading import read_bytes
from .added import Beside, what_stands_beside
from .file_vocabulary import FileVocabulary
from .gguf import vocabulary_of_gguf
from .llama2c import parse
from .sentencepiece import is_sentencepiece, sentencepiece_vocabulary
from .tiktoken import TIKTOKEN, is_tiktoken, tokenizer_json_of
from .tokenizer_json import tokenizer_json_vocabulary

MAX_FILE_BYTES = 64 << 20
"""A bound on what a file can make us read; the largest tokenizer.json that is known has 35 MB."""

BUNDLE = "llama2ncnn-tokenizer-1"
"""What a file says that holds several ones: ``convert/tokenizer_files.py`` writes it."""

PADDED = 2
"""How many times as many rows as tokens a model may have: a few rows are padding, half is not."""

_HINT = "use the tokenizer that belongs to this model (--tokenizer)"

TOKENIZERS = ("tokenizer.json", "tokenizer.model", "tokenizer.bin")
"""Of several in a folder the first is taken: tokenizer.json is what transformers encodes by, and it
has the added tokens with their ids, which tokenizer.model doesn't know."""
BESIDE = ("tokenizer_config.json", "added_tokens.json")
"""Names of the files that say more of a tokenizer beside them."""


def open_tokenizer(path: str | os.PathLike[str], vocab_size: int | None = None) -> FileVocabulary:
    """Read the vocabulary in a tokenizer's file, or in the one that a folder holds.

    Known are llama2.c's tokenizer.bin, SentencePiece's tokenizer.model, tokenizer.json, Meta's
    tiktoken files, and what a converted model carries. ``vocab_size`` is the model's; None accepts
    any. A model may have more rows than the vocabulary has tokens, never fewer. Raises
    ``ModelError`` for a file that can't be read, is broken, or doesn't fit.
    """
    path = Path(path)
    try:
        vocabulary = _opened(_chosen(path) if path.is_dir() else path)
        n = vocabulary.vocab_size
        if vocab_size is None or n == vocab_size:
            return vocabulary
        if n > vocab_size or n < vocab_size // PADDED:
            raise ValueError(f"has {n} entries, but the model's vocabulary has {vocab_size}")
        return vocabulary.padded(vocab_size)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ModelError(f"can't read the tokenizer {path}: {reason}", _HINT) from error
    except ValueError as error:
        raise ModelError(f"the tokenizer {path} {error}", _HINT) from error


def _chosen(folder: Path) -> Path:
    """The tokenizer's file in a folder. ValueError where there is none."""
    found = next((folder / name for name in TOKENIZERS if (folder / name).is_file()), None)
    if found is None:
        raise ValueError(f"is not a file, but a folder without {', '.join(TOKENIZERS)}")
    return found


def _opened(path: Path) -> FileVocabulary:
    """The vocabulary in a file, with what stands beside it or all that it carries."""
    data = _read(path)
    content = _json(data) if data[:256].lstrip()[:1] == b"{" else data
    if isinstance(content, dict) and content.get("format") == BUNDLE:
        if isinstance(content.get("gguf"), dict):
            return vocabulary_of_gguf(content["gguf"])
        beside = what_stands_beside(*(content.get(name, {}) for name in BESIDE))
        return _vocabulary(_bundled(content), beside)
    siblings = (path.with_name(name) for name in BESIDE)
    beside = what_stands_beside(*(_json(_read(p)) if p.is_file() else {} for p in siblings))
    return _vocabulary(content, beside)


def _vocabulary(content: Any, beside: Beside) -> FileVocabulary:
    """What the format's module makes of bytes, or of parsed JSON."""
    if not isinstance(content, bytes):
        return tokenizer_json_vocabulary(content, beside)
    if is_tiktoken(content):
        return tokenizer_json_vocabulary(tokenizer_json_of(content), TIKTOKEN)
    if is_sentencepiece(content):
        return sentencepiece_vocabulary(content, beside)
    if content[:4] == b"GGUF":
        raise ValueError("is a model in GGUF: convert it, and its vocabulary comes along")
    return parse(content)


def _bundled(bundle: Mapping[str, Any]) -> Any:
    """The tokenizer's file in a bundle: JSON as it is, all else in base64."""
    if "tokenizer.json" in bundle:
        return bundle["tokenizer.json"]
    text = bundle.get("tokenizer.model", bundle.get("tokenizer.bin"))
    if not isinstance(text, str):
        raise ValueError(f"is broken: it holds none of {', '.join(TOKENIZERS)}")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ValueError("is broken: what it holds isn't base64") from error


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"or what stands beside it is no JSON: {error}") from error


def _read(path: Path) -> bytes:
    """The whole file, if it is one and isn't absurdly large; else ``ModelError``."""
    try:
        return read_bytes(path, MAX_FILE_BYTES, "a tokenizer")
    except UsageError as error:
        raise ModelError(error.message, _HINT) from error
