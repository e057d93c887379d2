"""A model's chat templates as its files have them.

The texts alone: knows nothing of what is in a template, and of nobody who renders one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import ConvertError
from .files import read_regular
from .sources.folder import file_in

DEFAULT = "default"
MAX_FILE_BYTES = 1 << 25
"""A bound on what a file can make us read; a large tokenizer_config.json has a few 100 kB."""

MAX_TEMPLATES = 64

_TOKENS = tuple(f"{kind}_token" for kind in ("bos", "eos", "unk", "pad", "sep", "cls", "mask"))


@dataclass(frozen=True)
class ChatTemplates:
    """Jinja ``templates`` by name, and texts of special ``tokens`` by the names they give them.

    The template to chat with is called "default", the start of a text "bos_token".
    """

    templates: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)


def templates_of_folder(folder: Path) -> ChatTemplates:
    """Read the templates of a Hugging Face folder; a file of its own goes before what is inside.

    Raises ``ConvertError`` for files that can't be read, or aren't what they should be.
    """
    config = read_object(file_in(folder, "tokenizer_config.json"))
    templates = _templates(config.get("chat_template"), folder / "tokenizer_config.json")
    if older := file_in(folder, "chat_template.json"):
        templates |= _templates(read_object(older).get("chat_template"), older)
    if own := file_in(folder, "chat_template.jinja"):
        templates[DEFAULT] = _text(own)
    templates |= {path.stem: _text(path) for path in _additional(folder)}
    special = read_object(file_in(folder, "special_tokens_map.json"))
    return ChatTemplates(templates, _tokens(special | config))


def _additional(folder: Path) -> list[Path]:
    """Find the files of named templates, none of them out of the folder."""
    inside = folder / "additional_chat_templates"
    if inside.is_symlink():
        raise ConvertError(f"{inside}: is a link out of its folder", "copy what it links to")
    names = sorted(path.name for path in inside.glob("*.jinja"))[:MAX_TEMPLATES]
    return [path for name in names if (path := file_in(inside, name))]


def templates_of_gguf(metadata: Mapping[str, object], tokens: Mapping[str, str]) -> ChatTemplates:
    """Take the templates out of a GGUF's metadata.

    ``tokens`` are the texts of special tokens by the names above, which there are ids.
    """
    key = "tokenizer.chat_template"
    names = {DEFAULT: key} | {
        k.removeprefix(f"{key}."): k for k in metadata if k.startswith(f"{key}.")
    }
    found = {name: metadata.get(k) for name, k in names.items()}
    return ChatTemplates({k: v for k, v in found.items() if isinstance(v, str)}, dict(tokens))


def _templates(value: object, where: Path) -> dict[str, str]:
    """Read the two forms that a config has them in: one text, or a list of them with names."""
    if value is None:
        return {}
    if isinstance(value, str):
        return {DEFAULT: value}
    if not isinstance(value, list) or len(value) > MAX_TEMPLATES:
        raise _wrong(where)
    named: dict[str, str] = {}
    for each in value:
        if not isinstance(each, dict):
            raise _wrong(where)
        name, text = each.get("name"), each.get("template")
        if not isinstance(name, str) or not isinstance(text, str):
            raise _wrong(where)
        named[name] = text
    return named


def _wrong(where: Path) -> ConvertError:
    return ConvertError(
        f"{where}: chat_template is neither a text nor a list of named texts",
        "take it out, or get the file again",
    )


def _tokens(config: Mapping[str, Any]) -> dict[str, str]:
    """Take the texts of special tokens, which are texts or objects that have one as content."""
    found = {name: config.get(name) for name in _TOKENS}
    texts = {k: v.get("content") if isinstance(v, dict) else v for k, v in found.items()}
    return {k: v for k, v in texts.items() if isinstance(v, str)}


def read_object(path: Path | None) -> dict[str, Any]:
    """Read a JSON object; an empty one, if there is no file. Raises ``ConvertError``."""
    if path is None:
        return {}
    try:
        value = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise ConvertError(f"{path}: is no JSON", "get the file again") from error
    if not isinstance(value, dict):
        raise ConvertError(f"{path}: is no JSON object", "get the file again")
    return value


def _text(path: Path) -> str:
    data = read_regular(path, MAX_FILE_BYTES, "such a file")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConvertError(f"{path}: is no UTF-8 text", "get the file again") from error
