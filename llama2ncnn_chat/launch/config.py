"""Where a value comes from: a flag, a preset, the environment, ``config.toml``, or its default.

Knows rows and no row by name. Opens nothing but the one file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..chat.option import Option, find_option, read_value
from ..chat.presets import NO_PRESET, Preset
from ..chat.settings_file import read_settings
from ..errors import UsageError
from ..paths import config_file

PREFIX = "LLAMA2NCNN_"


class Collected(NamedTuple):
    """``values`` by name, those that a flag, a preset or a variable has ``given``, and all that
    are ``set``, by the file too."""

    values: dict[str, Any]
    given: frozenset[str]
    set: frozenset[str]


def collect(
    options: Sequence[Option],
    flags: Mapping[str, Any],
    environ: Mapping[str, str] = os.environ,
    path: Path | None = None,
    preset: Preset = NO_PRESET,
) -> Collected:
    """Settle a value for every option.

    ``flags`` has what the command line gave, by name and as it was typed, and ``preset`` what
    stands as if it were; ``path`` is that of the settings file, the person's own if None. Raises
    ``UsageError``, with the place, for what can't be.
    """
    kept = [option for option in options if option.scope != "run"]
    file = _read(path or config_file(), kept)
    values: dict[str, Any] = {}
    given: set[str] = set()
    for option in options:
        name = option.name
        variable = _variable(option, environ) if option in kept else None
        if name in flags:
            values[name] = read_value(option, flags[name], f"{name} ")
            given.add(name)
        elif name in preset.values:
            values[name] = read_value(option, preset.values[name], f"{preset.place}: {name}: ")
            given.add(name)
        elif variable in option.variables:  # anybody's, so that any text but 0 switches it on
            values[name] = environ[variable] != "0"
            given.add(name)
        elif variable is not None:
            values[name] = read_value(option, environ[variable], f"{variable}: ")
            given.add(name)
        else:
            values[name] = file.get(name, option.default)
    return Collected(values, frozenset(given), frozenset(given | file.keys()))


def flags_alone(options: Sequence[Option], flags: Mapping[str, Any]) -> dict[str, Any]:
    """Settle a value for every option, by flags and defaults. Raises ``UsageError``."""
    return {
        option.name: read_value(option, flags[option.name], f"{option.name} ")
        if option.name in flags
        else option.default
        for option in options
    }


def _variable(option: Option, environ: Mapping[str, str]) -> str | None:
    own = [PREFIX + name.upper() for name in (option.name, *option.also)]
    return next((name for name in (*own, *option.variables) if environ.get(name)), None)


def _read(path: Path, options: Sequence[Option]) -> dict[str, Any]:
    values = {}
    for name, value in read_settings(path).values.items():
        try:
            option = find_option(name, options)
        except UsageError as e:
            raise UsageError(f"{path}: {e.message}", e.hint) from None
        values[option.name] = read_value(option, value, f"{path}: {name}: ")
    return values
