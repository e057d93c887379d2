"""From what a template once told of itself back to an equal template.

Knows which kinds of templates there are; neither where they are kept nor what they render.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_type_hints

from ...errors import UsageError
from .compiled import CompiledTemplate
from .marked import MarkedTemplate, template_of
from .template import Template
from .whole import WholeTemplate

_KINDS: dict[object, type[Any]] = {
    None: MarkedTemplate,
    "compiled": CompiledTemplate,
    "whole": WholeTemplate,
}


def template_from(stored: Mapping[str, Any]) -> Template:
    """Return the template that ``to_dict`` told of; where only a name was told, the built-in one.

    Raises ``UsageError`` for what this version can't read.
    """
    name = stored.get("name")
    if isinstance(name, str) and stored.keys() == {"name"}:
        return template_of(name)
    told = dict(stored)
    kind = told.pop("kind", None)
    try:
        made_by = _KINDS[kind]
        hints = get_type_hints(made_by)
        if told.keys() != hints.keys():
            raise ValueError
        template: Template = made_by(**{k: _value(hints[k], v) for k, v in told.items()})
    except (KeyError, TypeError, ValueError):
        raise UsageError(
            f"the template {name!r} says what this version can't read",
            "update llama2ncnn-chat",
        ) from None
    return template


def _value(hint: object, value: object) -> object:
    """Take a value for a field of that type. Raises ``ValueError``."""
    if hint is str and isinstance(value, str):
        return value
    if hint == tuple[str, ...] and isinstance(value, list):
        return tuple(_value(str, each) for each in value)
    if hint == tuple[tuple[str, str], ...] and isinstance(value, list):
        return tuple((_value(str, name), _value(str, text)) for name, text in value)
    raise ValueError(value)
