"""How a model of the Hub is named, and which of its files are needed.

Knows names alone: opens no file and no connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import ConvertError

PREFIX = "hf:"
FORM = "hf:OWNER/NAME, hf:OWNER/NAME@REVISION or hf:OWNER/NAME/FILE.gguf"
CONFIG = "config.json"
BESIDE = (
    CONFIG,
    "generation_config.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
)
_TEMPLATES = re.compile(r"additional_chat_templates/[^/]+\.jinja")
_SHARD = r"(-\d{5}-of-\d{5})?"
_WEIGHTS = (
    # What the converter opens: beside it the same may lie once more, as consolidated.safetensors.
    (re.compile(rf"model{_SHARD}\.safetensors"), "model.safetensors.index.json"),
    (re.compile(rf"pytorch_model{_SHARD}\.bin"), "pytorch_model.bin.index.json"),
)
_NAME = re.compile(r"hf:([\w.-]+/[\w.-]+)(?:/([^@]+\.gguf))?(?:@(.+))?", re.IGNORECASE)
_PART = re.compile(r"(.+)-(\d{5})-of-(\d{5})(\.gguf)", re.IGNORECASE)


@dataclass(frozen=True)
class HubName:
    """A model as ``hf:OWNER/NAME`` names it; ``file`` is a GGUF in it, or empty for the folder.

    ``revision`` is a branch, a tag or a commit; None for the newest of the main branch.
    """

    repo: str
    file: str = ""
    revision: str | None = None

    def __str__(self) -> str:
        """Write it as a person would."""
        file = f"/{self.file}" if self.file else ""
        return f"{PREFIX}{self.repo}{file}" + (f"@{self.revision}" if self.revision else "")

    @property
    def short(self) -> str:
        """Return what to call the model where there is little room: the last of its name."""
        return (self.file or self.repo).rpartition("/")[2]


def is_hub_name(model: str) -> bool:
    """Tell whether a model is named as one of the Hub's."""
    return model.startswith(PREFIX)


def parse_name(model: str) -> HubName:
    """Read a name that begins with ``hf:``. Raises ``ConvertError``."""
    match = _NAME.fullmatch(model)
    if match is None:
        raise ConvertError(f"{model}: no name of a model on the Hub", FORM)
    repo, file, revision = match.groups()
    if ".." in (file or "").split("/"):
        raise ConvertError(f"{model}: no name of a model on the Hub", FORM)
    return HubName(repo, file or "", revision)


def needed(name: HubName, files: Iterable[str]) -> list[str]:
    """Choose which of a model's ``files`` are needed; the small ones that tell of it come first.

    Raises ``ConvertError`` where none of them is a model, or the file that is named isn't there.
    """
    there = set(files)
    if name.file:
        parts = parts_of(name.file)
        if missing := [part for part in parts if part not in there]:
            raise ConvertError(f"{name}: no file {missing[0]} there", _instead(name, there))
        return parts
    if CONFIG not in there:
        raise ConvertError(f"{name}: no {CONFIG} there", _instead(name, there))
    beside = [path for path in BESIDE if path in there]
    beside += sorted(path for path in there if _TEMPLATES.fullmatch(path))
    for pattern, index in _WEIGHTS:
        if weights := sorted(path for path in there if pattern.fullmatch(path)):
            return [*beside, *([index] if index in there else []), *weights]
    raise ConvertError(
        f"{name}: neither model.safetensors nor pytorch_model.bin", _instead(name, there)
    )


def parts_of(file: str) -> list[str]:
    """Name all files of a GGUF of which one is named; most have one."""
    match = _PART.fullmatch(file)
    if match is None:
        return [file]
    stem, _, count, suffix = match.groups()
    return [f"{stem}-{i:05}-of-{count}{suffix}" for i in range(1, int(count) + 1)]


def first_part(file: str) -> str:
    """Return the file that a GGUF in parts is opened by."""
    return parts_of(file)[0]


def _instead(name: HubName, there: Iterable[str]) -> str:
    """Say which files could be named, if it has any."""
    files = [path for path in there if path.lower().endswith(".gguf") and path == first_part(path)]
    if not files:
        return "name a model that has config.json and safetensors, or a .gguf file"
    some = ", ".join(str(HubName(name.repo, path, name.revision)) for path in sorted(files)[:3])
    return f"name {'one of its files, as ' if len(files) > 1 else ''}{some}"
