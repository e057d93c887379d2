"""What a person may set about a conversation, by name and as text, checked before it is taken.

One table for ``/set``, completion and the command line. Knows no session and no engine.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, get_args

from ..conversation.settings import OnFull, Settings
from ..errors import UsageError
from ..generation.settings import Sampling
from ..model.threads import MAX_THREADS
from ..text.templates.marked import TEMPLATES, template_of
from ..text.templates.template import Template

ON_FULL: tuple[OnFull, ...] = get_args(OnFull)
OFF = ("off", "none", "")


def with_value(settings: Settings, name: str, text: str) -> Settings:
    """Return a copy with one setting parsed from text. Raises ``UsageError``."""
    if name in SAMPLING_NAMES:
        return replace(settings, sampling=settings.sampling.with_value(name, text))
    attribute, parse, _ = _OTHERS[name]
    return replace(settings, **{attribute: parse(name, text)})


def value_of(settings: Settings, name: str) -> str:
    """Return one setting as it would be typed."""
    if name in SAMPLING_NAMES:
        return f"{getattr(settings.sampling, name):g}"
    if name == "template":
        return settings.template.name if settings.template else "the model's own"
    value = getattr(settings, _OTHERS[name][0])
    if isinstance(value, tuple):
        return shlex.join(value) or "off"
    if value is None:
        return "random" if name == "seed" else "off"
    return str(value)


def parse_threads(text: str) -> int:
    """How many threads compute. Raises ``UsageError``."""
    try:
        n = int(text)
    except ValueError:
        raise UsageError(f"threads {text!r} is not a number") from None
    if not 1 <= n <= MAX_THREADS:
        raise UsageError(f"threads {n} is out of range", f"1 to {MAX_THREADS}")
    return n


def _whole_or(word: str) -> Callable[[str, str], int | None]:
    def parse(name: str, text: str) -> int | None:
        if text in (word, *OFF):
            return None
        try:
            n = int(text)
        except ValueError:
            raise UsageError(f"{name} {text!r} is not a number", f"or {word}") from None
        if n < 0:
            raise UsageError(f"{name} {n} is negative", f"a number from 0, or {word}")
        return n

    return parse


DEFAULTS = Settings()


def _texts(name: str, text: str) -> tuple[str, ...]:
    if text in OFF:
        return ()
    try:
        return tuple(t.replace("\\n", "\n") for t in shlex.split(text) if t)
    except ValueError as e:
        raise UsageError(f"{name} {text}: {e}", "quote texts that have spaces") from None


def _on_full(name: str, text: str) -> OnFull:
    if text not in ON_FULL:
        raise UsageError(f"no {name} {text!r}", f"one of {', '.join(ON_FULL)}")
    return text


def _template(_name: str, text: str) -> Template:
    return template_of(text)


_OTHERS: dict[str, tuple[str, Callable[[str, str], Any], str]] = {
    "max_tokens": ("max_tokens", _whole_or("off"), "stop a reply after N tokens; off: no limit"),
    "stop": ("stops", _texts, "stop a reply before any of these texts; off: none"),
    "seed": ("seed", _whole_or("random"), "the next reply's seed, and those after it count on"),
    "on_full": ("on_full", _on_full, "when the context is full: " + ", ".join(ON_FULL)),
    "template": ("template", _template, "how turns are put to the model"),
}
SAMPLING_NAMES = tuple(f.name for f in fields(Sampling))

HELP: dict[str, str] = {
    **{f.name: f.metadata["help"] for f in fields(Sampling)},
    **{name: about for name, (_, _, about) in _OTHERS.items()},
    "threads": "how many threads compute",
}
"""Every setting's name, and what it does; ``threads`` is the engine's."""

CHOICES: dict[str, tuple[str, ...]] = {"on_full": ON_FULL, "template": tuple(TEMPLATES)}
"""Settings that have a few values only."""
