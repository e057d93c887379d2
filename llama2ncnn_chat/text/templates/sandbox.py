"""The process in which Jinja templates run: reads requests from stdin, writes what they give.

A template is a program out of a downloaded file, so this process has bounds on memory and output,
and its parent has one on time. It knows no turns, no vocabulary, and nobody but its parent.
"""

from __future__ import annotations

import json
import signal
import sys
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_OUTPUT = 1 << 22
"""Characters that a rendering may have; the longest contexts there are have a sixth of that."""

MAX_MESSAGE = 1000
"""Characters of what it says against a conversation that a person is shown."""

MAX_MEMORY = 1 << 29
"""Bytes of address space, where the system knows such a bound; rendering a chat takes a tenth."""

MAX_CPU = 600
"""Seconds of computing in all, lest one without end outlives a parent that was killed."""


class _RefusalError(TemplateError):
    """What a template says by ``raise_exception``."""


class _Generation(Extension):
    """``{% generation %}``, which marks replies for training: its body, in a scope of its own."""

    tags = frozenset({"generation"})  # type: ignore[assignment]

    def parse(self, parser: Parser) -> nodes.Node:
        """Read the tag as the statements that it has in it."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


def _refuse(message: object) -> None:
    raise _RefusalError(str(message))


def _to_json(
    value: object,
    ensure_ascii: bool = False,
    indent: int | str | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    # Jinja's own escapes what HTML doesn't like.
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def environment(now: datetime) -> ImmutableSandboxedEnvironment:
    """Return the environment that chat templates are written for: that of transformers.

    ``strftime_now`` tells of ``now``. (transformers 5.24, utils/chat_template_utils.py.)
    """
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _Generation]
    )
    env.filters["tojson"] = _to_json
    env.globals["raise_exception"] = _refuse
    env.globals["strftime_now"] = now.strftime
    return env


@lru_cache(maxsize=4)
def _compiled(source: str, now: str) -> Any:
    return environment(datetime.fromisoformat(now)).from_string(source)


def _render(request: dict[str, Any]) -> str:
    parts, size = [], 0
    template = _compiled(request["source"], request["now"])
    for part in template.generate(**request["variables"]):
        parts.append(part)
        size += len(part)
        if size > MAX_OUTPUT:
            raise ValueError(f"it writes more than {MAX_OUTPUT:,} characters")
    return "".join(parts)


def answer(request: dict[str, Any]) -> dict[str, str]:
    """Render a request's template: a ``text``, what it ``refused`` with, or what is ``wrong``."""
    try:
        return {"text": _render(request)}
    except _RefusalError as error:
        return {"refused": str(error)[:MAX_MESSAGE]}
    except MemoryError:
        return {"wrong": "it takes too much memory"}
    except RecursionError:
        return {"wrong": "it goes too deep"}
    except Exception as error:  # noqa: BLE001 - a template may do anything wrong
        return {"wrong": str(error)[:MAX_MESSAGE] or type(error).__name__}


def _set_bounds() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such bounds
        return
    bounds = (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, MAX_MEMORY),
        (resource.RLIMIT_CPU, MAX_CPU),
    )
    for kind, most in bounds:
        with suppress(ValueError, OSError):  # a lower one is set, or the system has none
            resource.setrlimit(kind, (most, most))


def main() -> None:
    """Say that it is ready by an empty line, then answer requests, a line of JSON each.

    Who asks ends the process if an answer takes too long.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the parent
    _set_bounds()
    _say("")
    for line in sys.stdin:
        _say(json.dumps(answer(json.loads(line))))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
