"""A tokenizer in one file, which a converted model carries wherever it is moved.

Files that say all by themselves are carried as they are. What is spread over several files of a
folder, or over the key-values of a GGUF, becomes a bundle: a JSON object with ``format`` first, and
then either ``gguf`` with those values, or the files by name, JSON as it is and others in base64.
Nothing here knows what a tokenizer does.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .errors import ConvertError
from .files import read_regular
from .sources.folder import file_in

BUNDLE = "llama2ncnn-tokenizer-1"

TOKENIZERS = ("tokenizer.json", "tokenizer.model", "tokenizer.bin")
"""Names of tokenizers in a folder, the exact one first: a tokenizer.json has the added tokens."""

BESIDE = {
    "tokenizer_config.json": ("bos_token", "eos_token", "add_bos_token", "added_tokens_decoder"),
    "added_tokens.json": None,
}
"""Files that say more of the tokenizer beside them, and what of each is carried; None is all."""

GGUF_PREFIX = "tokenizer.ggml."
MAX_FILE_BYTES = 64 << 20


def tokenizer_in(folder: Path) -> Path | None:
    """Find the tokenizer's file in a folder, if there is one.

    Raises ``ConvertError`` for a link out of the folder.
    """
    return next((path for name in TOKENIZERS if (path := file_in(folder, name))), None)


def write_tokenizer(tokenizer: Path, target: BinaryIO) -> None:
    """Write one file of a tokenizer and of what stands beside it.

    It is a copy where nothing beside it says more. Raises ``ConvertError`` for what can't be read.
    """
    content = _read(tokenizer)
    if BUNDLE.encode() in content[:256]:
        target.write(content)
        return
    bundle = {
        name: _picked(_json(path), keys)
        for name, keys in BESIDE.items()
        if (path := file_in(tokenizer.parent, name))
    }
    if not any(bundle.values()):
        target.write(content)
    elif content[:256].lstrip()[:1] == b"{":
        _write(bundle | {"tokenizer.json": _json(tokenizer)}, target)
    else:
        _write(bundle | {"tokenizer.model": base64.b64encode(content).decode()}, target)


def write_gguf_tokenizer(values: Mapping[str, Any], target: BinaryIO) -> None:
    """Write one file of the vocabulary in a GGUF's key-values: those of ``tokenizer.ggml.*``."""
    kept = {key: values[key] for key in values if key.startswith(GGUF_PREFIX)}
    plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in kept.items()}
    _write({"gguf": plain}, target)


def _write(bundle: Mapping[str, Any], target: BinaryIO) -> None:
    text = json.dumps({"format": BUNDLE, **bundle}, ensure_ascii=True, separators=(",", ":"))
    target.write(text.encode())


def _picked(content: Any, keys: tuple[str, ...] | None) -> dict[str, Any]:
    if not isinstance(content, dict):
        return {}
    return {key: value for key, value in content.items() if keys is None or key in keys}


def _read(path: Path) -> bytes:
    return read_regular(path, MAX_FILE_BYTES, "a tokenizer")


def _json(path: Path) -> Any:
    try:
        return json.loads(_read(path))
    except (ValueError, RecursionError) as e:
        raise ConvertError(
            f"{path}: no JSON: {e}", "download it again, or name another with --tokenizer"
        ) from e
