"""The table of what only ``serve`` is told, and the frozen value that a start makes of it.

Reads neither streams nor files; opens no model.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..chat.option import Option, number, text
from ..errors import UsageError
from .config import flags_alone

SERVE_OPTIONS: tuple[Option, ...] = (
    Option(
        "host", text, "127.0.0.1", "the address to be asked at", "run", "server", metavar="HOST"
    ),
    Option(
        "port", number(int, 0, 65535), 8080, "the port; 0 is any", "run", "server", metavar="PORT"
    ),
    Option("name", text, None, "what clients call the model", "run", "server", metavar="NAME"),
    Option(
        "api_key_env",
        text,
        None,
        "a variable of the environment that has the key which clients have to know",
        "run",
        "server",
        metavar="VAR",
    ),
    Option(
        "cors",
        text,
        None,
        "an origin whose pages may ask, such as https://chat.example; * is any",
        "run",
        "server",
        metavar="ORIGIN",
    ),
    Option(
        "waiting",
        number(int, 0, 10_000),
        32,
        "how many requests may wait for the one that is answered",
        "run",
        "server",
        metavar="N",
    ),
    Option(
        "cache_mb",
        number(int, 0, 1 << 20),
        1024,
        "memory for what conversations before have in the KV cache",
        "run",
        "server",
        metavar="MB",
    ),
)
"""The options that ``serve`` has besides those of a model and of sampling, by flags alone."""


@dataclass(frozen=True)
class ServeOptions:
    """What a run of ``serve`` was told, a field for every row of ``SERVE_OPTIONS``.

    ``key`` is what stands in the variable ``api_key_env``.
    """

    host: str
    port: int
    name: str | None
    api_key_env: str | None
    cors: str | None
    waiting: int
    cache_mb: int
    key: str = ""


def serve_options_of(
    flags: Mapping[str, Any], environ: Mapping[str, str] = os.environ
) -> ServeOptions:
    """Settle the options of ``serve`` alone. Raises ``UsageError``."""
    options = ServeOptions(**flags_alone(SERVE_OPTIONS, flags))
    variable = options.api_key_env
    if variable is None:
        return options
    if not environ.get(variable):
        raise UsageError(f"the environment has no {variable}", "set it to the key of your choice")
    return replace(options, key=environ[variable])
