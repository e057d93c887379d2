"""Where a setting comes from: a flag, then the environment, then ``config.toml``, then its default.

Fills in what the parsed flags left open; a resumed session's own settings come between, so it also
tells which ones a flag or the environment gave. Opens nothing but the one file.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..chat.chat_settings import CHOICES, ON_FULL
from ..errors import ChatError, UsageError
from ..generation.settings import Sampling
from ..paths import config_file

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PREFIX = "LLAMA2NCNN_"
SHORT = {"temp": "temperature"}
Parse = Callable[[Any], Any]


def _number(kind: type[int] | type[float], low: float | None = None) -> Parse:
    def parse(value: Any) -> Any:
        try:
            # From TOML a number must be one; True would pass for 1.
            if isinstance(value, bool) or (kind is int and isinstance(value, float)):
                raise ValueError
            n = kind(value)
        except (ValueError, TypeError):
            raise UsageError(f"{value!r} is no {'whole ' if kind is int else ''}number") from None
        if low is not None and n < low:
            raise UsageError(f"{n} is below {low:g}")
        return n

    return parse


def _flag(value: Any) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"0": False, "false": False, "no": False, "off": False}
    found = value if isinstance(value, bool) else words.get(str(value).lower())
    if found is None:
        raise UsageError(f"{value!r} is neither true nor false")
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{value!r} is no text")
    return value


def _texts(value: Any) -> list[str]:
    return [_text(each) for each in value] if isinstance(value, list) else [_text(value)]


def _one_of(choices: tuple[str, ...]) -> Parse:
    def parse(value: Any) -> str:
        if value not in choices:
            raise UsageError(f"{value!r} is none of {', '.join(choices)}")
        return str(value)

    return parse


def _sampling(name: str, kind: type[int] | type[float]) -> Parse:
    def parse(value: Any) -> Any:
        number = _number(kind)(value)
        Sampling(**{name: number})  # holds it against its range
        return number

    return parse


OPTIONS: dict[str, tuple[Parse, Any]] = {
    **{name: (_sampling(name, type(value)), value) for name, value in asdict(Sampling()).items()},
    "max_tokens": (_number(int, 0), None),
    "stop": (_texts, []),
    "seed": (_number(int, 0), None),
    "system": (_text, ""),
    "template": (_one_of(CHOICES["template"]), None),  # None: the model's own
    "on_full": (_one_of(ON_FULL), "shift"),
    "model": (_text, "demo"),
    "threads": (_number(int, 1), None),
    "ctx_size": (_number(int, 1), None),
    "color": (_one_of(("auto", "always", "never")), "auto"),
    "plain": (_flag, None),  # None: what the terminal can
    "vi": (_flag, False),
    "screen_reader": (_flag, False),
    "save": (_flag, True),
    "history": (_flag, True),
    "kv_cache": (_flag, True),
}
"""What may stand in the environment and the file: how it is read, and its default."""


def fill_in(
    args: argparse.Namespace,
    environ: Mapping[str, str] = os.environ,
    path: Path | None = None,
) -> frozenset[str]:
    """Settle every option that ``args`` has; returns the names that a flag or a variable gave.

    Raises ``UsageError``, with the place, for what can't be.
    """
    config = _read(path or config_file())
    given = set()
    for name, (parse, default) in OPTIONS.items():
        if not hasattr(args, name):
            continue
        variable = next((v for v in _variables(name) if environ.get(v)), None)
        if getattr(args, name) is not None:
            given.add(name)
        elif variable is not None:
            setattr(args, name, _parsed(parse, environ[variable], variable))
            given.add(name)
        else:
            setattr(args, name, config.get(name, default))
    return frozenset(given)


def _variables(name: str) -> list[str]:
    names = [name, *(short for short, long in SHORT.items() if long == name)]
    return [PREFIX + each.upper() for each in names]


def _read(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as e:
        raise UsageError(f"{path}: can't read: {e.strerror}") from e
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise UsageError(f"{path}: {e}") from None
    return {
        (full := _known(name, path)): _parsed(OPTIONS[full][0], value, f"{path}: {name}")
        for name, value in data.items()
    }


def _known(name: str, path: Path) -> str:
    name = SHORT.get(name, name).replace("-", "_")
    if name not in OPTIONS:
        near = difflib.get_close_matches(name, OPTIONS, 1)
        raise UsageError(f"{path}: no setting {name!r}", f"did you mean {near[0]}?" if near else "")
    return name


def _parsed(parse: Parse, value: Any, where: str) -> Any:
    try:
        return parse(value)
    except ChatError as e:
        raise UsageError(f"{where}: {e.message}", e.hint) from None
