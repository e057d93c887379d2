"""The settings that a chat can change, a row each, and how they stand in ``Settings``.

The flags, the environment, the settings file, ``/set``, F2, completion and every help text read the
rows. Knows no chat and no face; what only a start can set, ``launch`` adds.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

from ..conversation.settings import OnFull, Settings
from ..generation.settings import N_TOP, RANGES, Sampling
from ..text.templates.marked import TEMPLATES
from ..text.templates.template import Template
from .option import Option, number, one_of, plain, shown, switch, text, texts
from .schema_file import read_schema

_DEFAULTS = Settings()
_ON_FULL: tuple[OnFull, ...] = get_args(OnFull)


def _sampling(name: str, help: str, **more: Any) -> Option:
    default = getattr(_DEFAULTS.sampling, name)
    parse = number(type(default), *RANGES[name])
    common: dict[str, Any] = {
        "group": "sampling",
        "heading": "Sampling",
        "metavar": "X",
        "show": plain,
    }
    return Option(name, parse, default, help, "chat", **common, **more)


def _template(value: Any) -> Template:
    return TEMPLATES[one_of(TEMPLATES)(value)]


_ROWS = (
    _sampling(
        "temperature",
        "0 takes the likeliest token; higher is freer",
        flags=("--temp",),
        hidden_flags=("--temperature",),
        also=("temp",),
    ),
    _sampling("top_k", "keep the K likeliest tokens; 0 keeps all"),
    _sampling("top_p", "keep the likeliest tokens that make up P together"),
    _sampling("min_p", "drop tokens less likely than P times the likeliest"),
    _sampling("repeat_penalty", "make recent tokens less likely; 1 is off"),
    _sampling("presence_penalty", "make recent tokens less likely; 0 is off"),
    _sampling("frequency_penalty", "make often used tokens less likely; 0 is off"),
    _sampling(
        "penalty_window",
        "how many recent tokens the penalties look at",
        flags=("--repeat-last-n",),
        also=("repeat_last_n",),
    ),
    Option(
        "max_tokens",
        number(int, 1),
        _DEFAULTS.max_tokens,
        "stop a reply after N tokens",
        "chat",
        group="sampling",
        heading="Reply",
        flags=("-n", "--max-tokens"),
        hidden_flags=("--n-predict",),
        also=("n",),
        metavar="N",
        off="off",
        off_means="no limit",
    ),
    Option(
        "stop",
        texts,
        _DEFAULTS.stops,
        "stop a reply before any of these texts",
        "chat",
        group="sampling",
        heading="Reply",
        also=("stops",),
        metavar="TEXT",
        many=True,
        off="off",
        off_means="none",
        attribute="stops",
        show=shlex.join,
    ),
    Option(
        "schema",
        read_schema,
        _DEFAULTS.schema,
        "JSON that fits the schema in FILE",
        "chat",
        group="sampling",
        heading="Reply",
        flags=("--json-schema",),
        also=("json_schema",),
        metavar="FILE",
        off="off",
        off_means="any text",
        show=lambda schema: str(schema.path),
        names_file=True,
    ),
    Option(
        "seed",
        number(int, 0),
        _DEFAULTS.seed,
        "the next reply's seed, and those after it count on",
        "chat",
        group="sampling",
        heading="Reply",
        metavar="N",
        off="random",
    ),
    Option(
        "logprobs",
        number(int, 0, N_TOP),
        _DEFAULTS.logprobs,
        "log probabilities in JSON, N runners-up",
        "chat",
        group="output",
        heading="Reply",
        hidden_flags=("--n-probs",),
        also=("n_probs",),
        metavar="N",
        off="off",
        off_means="none",
    ),
    Option(
        "on_full",
        one_of(_ON_FULL),
        _DEFAULTS.on_full,
        f"when the context is full: {', '.join(_ON_FULL)}",
        "chat",
        group="conversation",
        heading="Reply",
        choices=_ON_FULL,
    ),
    Option(
        "template",
        _template,
        _DEFAULTS.template,
        "how turns are put to the model",
        "chat",
        group="conversation",
        heading="Model",
        choices=tuple(TEMPLATES),
        unset="the model's own",
        show=lambda template: str(template.name),
    ),
    Option(
        "threads",
        number(int, 1),  # the engine takes as many of them as there can be
        None,
        "how many threads compute",
        "chat",
        group="engine",
        heading="Model",
        flags=("-t", "--threads"),
        metavar="N",
        unset="as many as there are cores",
    ),
    Option(
        "prefill_ahead",
        switch,
        _DEFAULTS.prefill_ahead,
        "read a message while it is typed",
        "chat",
        group="engine",
        heading="Model",
        flags=("--prefill-ahead",),
        choices=("on", "off"),
        show=lambda value: "on" if value else "off",
    ),
)

SETTINGS: dict[str, Option] = {option.name: option for option in _ROWS}
"""What ``/set`` lists and F2 shows, by name; ``threads`` is the engine's, the rest ``Settings``."""

SYSTEM = Option(
    "system",
    text,
    _DEFAULTS.system,
    "the system prompt",
    "chat",
    group="conversation",
    heading="System prompt",
    hidden_flags=("--system-prompt", "-sys"),
    metavar="TEXT",
)
"""Set by ``/system``, and shown apart: it is the one that can be long."""

_FIELDS = {option.name: option.attribute or option.name for option in (*_ROWS, SYSTEM)}


def value_of(settings: Settings, name: str) -> str:
    """Write the setting of that row as it would be typed."""
    place: Settings | Sampling = settings.sampling if name in RANGES else settings
    return shown(SETTINGS[name], getattr(place, _FIELDS[name]))


def values_of(settings: Settings) -> dict[str, Any]:
    """Return the values of all rows but the engine's, by the names of the rows."""
    places = {name: settings.sampling if name in RANGES else settings for name in _FIELDS}
    return {n: getattr(places[n], field) for n, field in _FIELDS.items() if n != "threads"}


def with_values(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """Return a copy with other values, by the names of their rows."""
    sampling = {name: value for name, value in values.items() if name in RANGES}
    others = {_FIELDS[name]: value for name, value in values.items() if name not in RANGES}
    return replace(settings, sampling=replace(settings.sampling, **sampling), **others)
