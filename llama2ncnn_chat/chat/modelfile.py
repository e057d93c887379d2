"""Reads of an ollama Modelfile what a chat can have: system prompt, parameters, a model's file.

Knows the file's form and ollama's names; what has no place here is named, never dropped silently.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import UsageError
from ..generation.settings import RANGES
from ..paths import is_there, path_of
from ..reading import read_text
from .phrases import brief

INSTRUCTIONS = frozenset(
    ("from", "parameter", "template", "system", "adapter", "license", "message")
) | frozenset(("renderer", "parser", "requires", "draft"))

SETTING_OF = {
    **{name: name for name in ("temperature", "top_k", "top_p", "min_p", "seed", "stop")},
    **{name: name for name in ("repeat_penalty", "presence_penalty", "frequency_penalty")},
    "repeat_last_n": "penalty_window",
    "num_predict": "max_tokens",
    "num_ctx": "ctx_size",
    "num_thread": "threads",
}
"""By which name a parameter is set here."""

MEANS = {
    ("repeat_last_n", "-1"): int(RANGES["penalty_window"][1]),  # as many as there are
    ("num_predict", "-1"): "off",
    ("num_predict", "-2"): "off",  # to the end of the context, which is where it ends here
    ("seed", "-1"): "random",
    ("num_thread", "0"): None,  # as many as suit, which is so where nothing is set
}
"""What stands for a value there that is written otherwise here."""


class Modelfile(NamedTuple):
    """``values`` by the names of settings here, as they are written; and what else there is."""

    values: dict[str, Any]
    left_out: tuple[str, ...]


def read_modelfile(path: Path) -> Modelfile:
    """Read the file. Raises ``UsageError``, with the line, for what is no Modelfile."""
    values: dict[str, Any] = {}
    left_out: dict[str, None] = {}
    for name, parameter, value in _instructions(path, read_text(path, "replace")):
        setting = SETTING_OF.get(parameter)
        if name == "system":
            values["system"] = value.strip()
        elif name == "from" and is_there(path.parent / path_of(value)):
            values["model"] = str(path.parent / path_of(value))
        elif name == "from":
            left_out[f"FROM {value}, which is no file here"] = None
        elif setting == "stop":
            values["stop"] = [*values.get("stop", []), value]
        elif setting:
            values[setting] = MEANS.get((parameter, value), value)
        else:
            left_out[f"{name.upper()} {parameter}".strip()] = None
    return Modelfile({name: v for name, v in values.items() if v is not None}, tuple(left_out))


def _instructions(path: Path, text: str) -> Iterator[tuple[str, str, str]]:
    """Yield each instruction's name, the parameter that it sets, and its value without quotes."""
    lines = iter(enumerate(text.split("\n"), 1))
    for number, line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, value = _split(line)
        name, parameter = name.lower(), ""
        if name not in INSTRUCTIONS:
            raise UsageError(
                f"{path}: line {number}: no instruction of a Modelfile", brief(line, 40)
            )
        if name == "parameter":
            parameter, value = _split(value)
        elif name == "message":
            value = _split(value)[1]  # behind its role
        mark = '"""' if value.startswith('"""') else '"' if value.startswith('"') else ""
        while mark and not (value.rstrip().endswith(mark) and len(value.rstrip()) >= 2 * len(mark)):
            _, more = next(lines, (0, None))
            if more is None:
                raise UsageError(f"{path}: line {number}: a quotation mark is never closed")
            value += f"\n{more}"
        value = value.rstrip()
        yield name, parameter.lower(), value[len(mark) : len(value) - len(mark)]


def _split(line: str) -> tuple[str, str]:
    """Split into the first word and what stands behind it."""
    word, *rest = line.split(maxsplit=1) or [""]
    return word, rest[0] if rest else ""
