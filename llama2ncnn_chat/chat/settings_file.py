"""Reads ``config.toml``, and writes what stands in it: the settings that a person keeps by hand.

Knows TOML, and no setting by name.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..reading import NoSuchFileError, read_bytes, text_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_BYTES = 1 << 20


def read_settings(path: Path) -> dict[str, Any]:
    """Read all that the file says; nothing where there is none. Raises ``UsageError``."""
    try:
        return tomllib.loads(text_of(read_bytes(path, MAX_BYTES, "a file of settings")))
    except NoSuchFileError:
        return {}
    except (ValueError, RecursionError) as e:  # of another encoding, no TOML, or too deep
        raise UsageError(f"{path}: {e}") from None


def toml(value: bool | float | str | tuple[str, ...]) -> str:
    """Write a value of a setting as TOML; a text of several lines goes over several."""
    if isinstance(value, tuple):
        return f"[{', '.join(_quoted(each) for each in value)}]"
    if isinstance(value, str):
        lines = [_quoted(line) for line in value.split("\n")]
        if len(lines) == 1:
            return lines[0]
        return '"""\n' + "\n".join(line[1:-1] for line in lines) + '"""'
    return str(value).lower()  # true and false; a number has no capital letters


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's, but for the one control character that JSON has as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
