"""Finds out what kind of engine answers at an address, by asking it.

Knows the kinds, and nothing of what they have in common.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from ..errors import Advice, EngineError
from .dialect import NOT_UNDERSTOOD, Dialect, Json
from .http import Connection, RefusalError, in_a_line
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
        by_name = {str(each["id"]): each for each in models["data"]}
        chosen = by_name.get(model) if model else next(iter(by_name.values()), None)
    except NOT_UNDERSTOOD as e:
        raise EngineError(f"the engine at {connection.place} doesn't tell its models") from e
    if chosen is None:
        raise EngineError(
            f"the engine at {connection.place} has no model{f' {model!r:.100}' if model else ''}",
            f"it has {in_a_line(', '.join(by_name))}" if by_name else "",
        )
    try:
        return kind(connection, said, chosen)
    except NOT_UNDERSTOOD as e:
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
            raise EngineError(e.message, Advice.NAME_KEY) from e
        if e.status >= 500:
            raise
        return None
