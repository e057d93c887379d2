"""Reads ``config.toml``, the settings that a person keeps by hand, and writes presets into it.

Knows TOML, and no setting by name. All of the file that isn't the preset stays as it stands.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..atomic import replacing
from ..errors import ChatError, UsageError
from ..paths import make_private
from ..reading import NoSuchFileError, read_bytes, text_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_BYTES = 1 << 20
PRESETS = "preset"
"""The table of tables, one for each preset."""


class SettingsFile(NamedTuple):
    """What the file says, as TOML has it: values by their keys, and presets by their names."""

    values: dict[str, Any]
    presets: dict[str, dict[str, Any]]


def read_settings(path: Path) -> SettingsFile:
    """Read all that the file says; nothing where there is none. Raises ``UsageError``."""
    return _settings_of(path, _text_of(path))


def save_preset(path: Path, name: str, values: Mapping[str, Any]) -> None:
    """Write a preset into the file, in place of one of that name; all else stays, comments too.

    Raises ``ChatError``, and then the file is as it was.
    """
    text = _text_of(path)
    before = _settings_of(path, text)
    plain = {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}
    new = _with_preset(text, name, plain)
    try:
        after = _settings_of(path, new)
        data = new.encode()
    except (UsageError, UnicodeEncodeError):
        after = None
    if after is None or after != (before.values, before.presets | {name: plain}):
        raise UsageError(f"{path}: can't write the preset {name} into it", "change it by hand")
    try:
        make_private(path.parent)
        with replacing(path.resolve()) as beside:  # a link stays one
            beside.write_bytes(data)
    except OSError as e:
        raise ChatError(f"{path}: can't write: {e.strerror}") from e


def toml(value: bool | float | str | list[str] | tuple[str, ...]) -> str:
    """Write a value of a setting as TOML; a text of several lines goes over several."""
    if isinstance(value, (list, tuple)):
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


def _text_of(path: Path) -> str:
    try:
        return text_of(read_bytes(path, MAX_BYTES, "a file of settings"))
    except NoSuchFileError:
        return ""
    except ValueError as e:  # of another encoding
        raise UsageError(f"{path}: {e}") from None


def _settings_of(path: Path, text: str) -> SettingsFile:
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as e:  # no TOML, or too deep
        raise UsageError(f"{path}: {e}") from None
    presets = values.pop(PRESETS, {})
    if not isinstance(presets, dict) or not all(isinstance(p, dict) for p in presets.values()):
        raise UsageError(f"{path}: no setting {PRESETS!r}", f"[{PRESETS}.NAME] begins a preset")
    return SettingsFile(values, presets)


def _with_preset(text: str, name: str, values: Mapping[str, Any]) -> str:
    """Return the file with the preset; comments in its table stay, and lines that say the same."""
    statements = _statements(text if text.endswith("\n") or not text else f"{text}\n")
    headers = [i for i, each in enumerate(statements) if each.lstrip().startswith("[")]
    at = next((i for i in headers if tomllib.loads(statements[i]) == {PRESETS: {name: {}}}), None)
    if at is None:
        key = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)
        gap = ["\n"] if statements else []
        return "".join([*statements, *gap, f"[{PRESETS}.{key}]\n", *map(_line, values.items())])
    end = next((i for i in headers if i > at), len(statements))
    table, missing, place = [], dict(values), 0
    for each in statements[at + 1 : end]:
        said = tomllib.loads(each)
        for key in said:  # none in a comment
            if key in missing:
                value = missing.pop(key)
                table.append(each if said == {key: value} else _line((key, value)))
            place = len(table)
        if not said:
            table.append(each)
    table[place:place] = map(_line, missing.items())
    return "".join([*statements[: at + 1], *table, *statements[end:]])


def _line(entry: tuple[str, Any]) -> str:
    key, value = entry
    return f"{key} = {toml(value)}\n"


def _statements(text: str) -> list[str]:
    """Cut TOML into headers, keys with their values, comments and empty lines, each with its end.

    A text or a list may go over many lines; a part of it is no TOML.
    """
    found, begun = [], ""
    for line in re.findall(r"[^\n]*\n", text):
        begun += line
        try:
            tomllib.loads(begun)
        except ValueError:
            continue
        found.append(begun)
        begun = ""
    return found
