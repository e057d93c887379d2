"""What a model's files say of chatting with it: templates, ends, sampling; and the file of it.

Reads what stands in a folder or in a GGUF's key-values; knows nothing of how a template is rendered
or a token is sampled.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from .chat_templates import ChatTemplates, read_object, templates_of_folder, templates_of_gguf
from .errors import ConvertError
from .files import is_file, is_folder
from .sources.folder import file_in
from .sources.source import TensorSource

MAX_ENDS = 64

FOLDERS_SAMPLING = {
    "temperature": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "min_p": "min_p",
    "repetition_penalty": "repeat_penalty",
}
"""Keys of a generation_config.json, and the product's names."""

GGUFS_SAMPLING = {
    "temp": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "min_p": "min_p",
    "penalty_repeat": "repeat_penalty",
    "penalty_last_n": "penalty_window",
}
"""What stands behind ``general.sampling.``, and the product's names."""


@dataclass(frozen=True)
class ChatFacts:
    """Chat templates, ids that end a reply, and sampling values by the product's names."""

    templates: ChatTemplates = field(default_factory=ChatTemplates)
    ends: tuple[int, ...] = ()
    sampling: dict[str, float] = field(default_factory=dict)


def chat_facts_of(source: TensorSource) -> ChatFacts:
    """Read what the files of a source say; nothing for one that is a single checkpoint.

    Raises ``ConvertError`` for files that can't be read, or aren't what they should be.
    """
    if source.metadata:
        return _of_gguf(source.metadata)
    return _of_folder(source.path) if is_folder(source.path) else ChatFacts()


def write_chat_facts(facts: ChatFacts, target: BinaryIO) -> None:
    """Write what ``read_chat_facts`` reads."""
    target.write(json.dumps(asdict(facts), indent=1).encode() + b"\n")


def read_chat_facts(path: Path) -> ChatFacts:
    """Read what ``write_chat_facts`` wrote; nothing, if there is no such file.

    Raises ``ConvertError``.
    """
    said = read_object(path if is_file(path) else None)
    templates = said.get("templates", {})
    try:
        texts, tokens = _texts(templates.get("templates", {})), _texts(templates.get("tokens", {}))
    except (AttributeError, ValueError):
        raise ConvertError(
            f"{path}: these are no facts of a chat", "convert the model again"
        ) from None
    sampling = _numbers(said.get("sampling"), {v: v for v in GGUFS_SAMPLING.values()})
    return ChatFacts(ChatTemplates(texts, tokens), _ids(said.get("ends")), sampling)


def _of_folder(folder: Path) -> ChatFacts:
    generation = read_object(file_in(folder, "generation_config.json"))
    config = read_object(file_in(folder, "config.json"))
    ends = generation.get("eos_token_id", config.get("eos_token_id"))
    sampling = _numbers(generation, FOLDERS_SAMPLING)
    return ChatFacts(templates_of_folder(folder), _ids(ends), sampling)


def _of_gguf(metadata: Mapping[str, Any]) -> ChatFacts:
    tokens = metadata.get("tokenizer.ggml.tokens", [])
    texts = {}
    for kind in ("bos", "eos", "unk"):
        known = {"unk": "unknown"}.get(kind, kind)
        token = metadata.get(f"tokenizer.ggml.{known}_token_id")
        if isinstance(token, int) and isinstance(tokens, list) and 0 <= token < len(tokens):
            texts[f"{kind}_token"] = tokens[token]
    said = {key: metadata.get(f"general.sampling.{key}") for key in GGUFS_SAMPLING}
    return ChatFacts(templates_of_gguf(metadata, texts), (), _numbers(said, GGUFS_SAMPLING))


def _ids(value: object) -> tuple[int, ...]:
    ids = value if isinstance(value, list) else [value]
    return tuple(i for i in ids[:MAX_ENDS] if type(i) is int and i >= 0)


def _numbers(values: object, names: Mapping[str, str]) -> dict[str, float]:
    """Take the numbers of known names; whether one is in its range, others know."""
    known = values if isinstance(values, dict) else {}
    found = {name: known.get(key) for key, name in names.items()}
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise ValueError
    return dict(value)
