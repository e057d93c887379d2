"""Reads the JSON schema that a setting names, out of a person's file.

What a schema may have, ``generation.schema`` says.
"""

from __future__ import annotations

from typing import Any

from ..errors import UsageError
from ..generation.grammar import refuse_unusable
from ..generation.settings import Schema
from ..paths import path_of
from ..reading import read_bytes, text_of
from .option import text

MAX_BYTES = 1 << 18


def read_schema(value: Any) -> Schema:
    """Read the schema in the file of that path. Raises ``UsageError``, with the reason."""
    path = path_of(text(value))
    try:
        schema = Schema(str(path), text_of(read_bytes(path, MAX_BYTES, "a JSON schema")))
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not text in UTF-8") from None
    try:
        refuse_unusable(schema.text)
    except UsageError as e:
        raise UsageError(f"{path}: {e.message}", e.hint) from None
    return schema
