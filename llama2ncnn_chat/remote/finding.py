"""Finds out what kind of engine answers at an address, by asking it.

Knows the kinds, and nothing of what they have in common.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from ..errors import EngineError
from .dialect import Dialect, Json
from .http import Connection, RefusalError
from .llama_server import LlamaServer
from .sglang import SGLang
from .vllm import Vllm

LACKING = (401, 403)
Kind: TypeAlias = Callable[[Connection, Json, Json], Dialect]

KINDS: tuple[tuple[str, str, Kind], ...] = (
    ("/props", "default_generation_settings", LlamaServer),
    ("/get_model_info", "model_path", SGLang),
    ("/version", "version", Vllm),
)
"""Where each kind is asked what it is, and what stands in its answer."""


def find_engine(connection: Connection, model: str | None = None) -> Dialect:
    """Return the engine there; ``model`` names one of several that it has.

    Raises ``EngineError`` where there is none, or none that takes ids.
    """
    for path, key, kind in KINDS:
        said = _asked(connection, path)
        if isinstance(said, dict) and key in said:
            return _understood(connection, kind, said, model)
    raise EngineError(
        f"{connection.place} is none of the engines that take a text as ids",
        "llama-server, vLLM and SGLang do",
    )


def _understood(
    connection: Connection,
    kind: Kind,
    said: Json,
    model: str | None,
) -> Dialect:
    models = connection.get("/v1/models")
    try:
        names = [str(each["id"]) for each in models["data"]]
        chosen = models["data"][names.index(model) if model else 0]
    except ValueError:
        raise EngineError(
            f"the engine at {connection.place} has no model {model!r:.100}",
            f"it has {', '.join(names)}",
        ) from None
    except (TypeError, LookupError) as e:
        raise EngineError(f"the engine at {connection.place} doesn't tell its models") from e
    try:
        return kind(connection, said, chosen)
    except (ValueError, TypeError, LookupError) as e:
        raise EngineError(
            f"the engine at {connection.place} doesn't tell what it is as others of its kind: "
            f"{e!r:.100}"
        ) from e


def _asked(connection: Connection, path: str) -> Any:
    """Return what it says there; None if it has nothing there."""
    try:
        return connection.get(path)
    except RefusalError as e:
        if e.status in LACKING:
            raise EngineError(e.message, "it wants a key") from e
        if e.status >= 500:
            raise
        return None
