"""Finds out what kind of engine answers at an address, by asking it.

Knows the kinds, and nothing of what they have in common.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from ..errors import Advice, EngineError
from .chat_server import ChatServer
from .dialect import NOT_UNDERSTOOD, Dialect, Json
from .http import Connection, NoAnswerError, RefusalError, in_a_line
from .llama_server import LlamaServer
from .sglang import SGLang
from .vllm import Vllm

MODELS = "/v1/models"
NO_KEY, NOT_ALLOWED = 401, 403
Kind: TypeAlias = Callable[[Connection, Json, Json], Dialect]

KINDS: tuple[tuple[str, str, str, Kind], ...] = (
    ("/props", "default_generation_settings", "meta", LlamaServer),
    ("/get_model_info", "model_path", "max_model_len", SGLang),
    ("/version", "version", "max_model_len", Vllm),
)
"""Where each kind is asked what it is, what stands in its answer, and what in that about a model.

Many others have a version; and what doesn't say that much of a model may take messages still.
"""

UNNAMED = "a server like OpenAI's"


def find_engine(connection: Connection, model: str | None = None) -> Dialect | ChatServer:
    """Return the engine there, one that takes ids if it can; ``model`` names one of several.

    Raises ``EngineError`` where there is none, or none that takes messages either.
    """
    for path, key, key_of_model, kind in KINDS:
        said = _asked(connection, path)
        if isinstance(said, dict) and key in said:
            chosen, _ = _model(connection, _asked(connection, MODELS), model)
            if chosen.get(key_of_model):
                return _understood(connection, kind, said, chosen)
    said = _asked(connection, MODELS)
    if not isinstance(said, dict) or "data" not in said:
        raise EngineError(
            f"{connection.place} is none of the engines that can be asked from here",
            "llama-server, vLLM, SGLang, and what has /v1/models and /v1/chat/completions",
        )
    chosen, others = _model(connection, said, model)
    return ChatServer(_kind_of(connection), str(chosen["id"]), others)


def _kind_of(connection: Connection) -> str:
    """Name what takes messages."""
    said = _asked(connection, "/api/version")
    if isinstance(said, dict) and "version" in said:
        return in_a_line(f"ollama {said['version']}")
    return UNNAMED


def _model(connection: Connection, said: Any, name: str | None) -> tuple[Json, tuple[str, ...]]:
    """Return what is said of the model of that name, or the first, and the names of the others."""
    try:
        by_name = {str(each["id"]): each for each in said["data"]}
    except NOT_UNDERSTOOD as e:
        raise EngineError(f"the engine at {connection.place} doesn't tell its models") from e
    chosen = by_name.get(name) if name else next(iter(by_name.values()), None)
    if chosen is None:
        raise EngineError(
            f"the engine at {connection.place} has no model{f' {name!r:.100}' if name else ''}",
            f"it has {in_a_line(', '.join(by_name))}" if by_name else "",
        )
    return chosen, tuple(each for each in by_name if each != str(chosen["id"]))


def _understood(connection: Connection, kind: Kind, said: Json, model: Json) -> Dialect:
    try:
        return kind(connection, said, model)
    except NOT_UNDERSTOOD as e:
        raise EngineError(
            f"the engine at {connection.place} doesn't tell what it is as others of its kind: "
            f"{e!r:.100}"
        ) from e


def _asked(connection: Connection, path: str) -> Any:
    """Return what it says there; None if it has nothing there, or a page for people.

    llama-server tells its models to anybody, so that another path may be the first to ask for a
    key; but what nobody is allowed is often a path that isn't there.
    """
    try:
        return connection.get(path)
    except RefusalError as e:
        if e.status == NO_KEY or (e.status == NOT_ALLOWED and path == MODELS):
            raise EngineError(e.message, Advice.NAME_KEY) from e
        if e.status >= 500:
            raise
        return None
    except NoAnswerError:
        raise
    except EngineError:  # no JSON, or without end
        return None
