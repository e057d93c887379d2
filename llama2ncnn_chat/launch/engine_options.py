"""The options of a chat with an engine elsewhere: where it is, which model, and with what key.

Rows of the table in ``options``, and their values. Reads the key, and opens no connection.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..chat.option import Option, Parse, switch, text
from ..errors import UsageError
from ..reading import read_bytes, text_of

GROUP = "an engine elsewhere"
MAX_KEY = 1 << 16


def _row(name: str, help: str, parse: Parse, default: Any = None, **more: Any) -> Option:
    """Make the row of what only a flag can say, for one run."""
    return Option(name, parse, default, help, "run", GROUP, **more)


ENGINE = (
    _row(
        "engine",
        "chat with a model that llama-server, vLLM, SGLang, ollama or another server runs there; "
        "MODEL, if there is one, is where its tokenizer lies",
        text,
        metavar="URL",
    ),
    _row("engine_model", "one of its models", text, flags=("--model",), metavar="NAME"),
    _row(
        "engine_key_env",
        "a variable of the environment that has the key",
        text,
        flags=("--api-key-env",),
        metavar="VAR",
    ),
    _row(
        "engine_key_file",
        "a file that has it, and that nobody else can read",
        Path,
        flags=("--api-key-file",),
        metavar="FILE",
    ),
    _row("insecure", "allow http to another machine", switch, False),
)


@dataclass(frozen=True)
class EngineOptions:
    """Where a model runs, if it is elsewhere, a field for every row of ``ENGINE``."""

    engine: str | None
    engine_model: str | None
    engine_key_env: str | None
    engine_key_file: Path | None
    insecure: bool


def key_of(options: EngineOptions, environ: Mapping[str, str] = os.environ) -> str:
    """Read the key; an empty one if none is named. Raises ``UsageError``, which doesn't tell it."""
    variable, file = options.engine_key_env, options.engine_key_file
    if variable is not None and file is not None:
        raise UsageError("there are two keys", "--api-key-env or --api-key-file")
    if variable is not None:
        if not environ.get(variable):
            raise UsageError(f"the environment has no {variable}", "set it to the engine's key")
        return environ[variable].strip()
    return _key_in(file) if file else ""


def _key_in(file: Path) -> str:
    try:
        mode = file.stat().st_mode
    except OSError as e:
        raise UsageError(f"{file}: can't read: {e.strerror}") from e
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise UsageError(f"others can read the key in {file}", f"chmod 600 {file}")
    try:
        return text_of(read_bytes(file, MAX_KEY, "a key")).strip()
    except UnicodeDecodeError:
        raise UsageError(f"{file}: is no key") from None
