"""The whole table of options, and the frozen values that a start makes of it, once.

Adds to the settings of a chat what only a start can set. Knows no argparse, no streams and no face.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from convert.known_shapes import SHAPES
from convert.shape import LIMITS

from ..catalogue.bundled import DEMO
from ..chat.option import Option, Parse, number, one_of, or_off, switch, text
from ..chat.options import SETTINGS, SYSTEM, with_values
from ..chat.presets import NO_PRESET, find_preset
from ..conversation.settings import Settings
from .config import collect, flags_alone
from .conversion import CONVERSION, ConversionOptions
from .engine_options import ENGINE, EngineOptions

COLORS = ("auto", "always", "never")
NOTIFY = 10
"""Seconds that a person most likely looks on for."""


def _run(name: str, group: str, help: str, parse: Parse = switch, **more: Any) -> Option:
    """Make the row of what only a flag can say, for one run."""
    default = more.pop("default", False if parse is switch else None)
    return Option(name, parse, default, help, "run", group, **more)


def _start(name: str, group: str, help: str, parse: Parse, default: Any, **more: Any) -> Option:
    """Make the row of what the environment and the settings file can say as well."""
    return Option(name, parse, default, help, "start", group, **more)


_MODEL = _start(
    "model",
    "",
    "a converted model (a stem, or one of its files), a folder from the Hub or Meta, a GGUF file, "
    "a llama2.c checkpoint, or hf:OWNER/NAME to fetch; demo is the bundled one, ./demo a path",
    text,
    DEMO,
    metavar="MODEL",
    positional=True,
)
JSON = _run("json", "output", "one JSON object instead of text")
_CONTEXT = number(int, 1, LIMITS["context_length"])

OPTIONS: tuple[Option, ...] = (
    _MODEL,
    _run("words", "", "a prompt to answer", text, metavar="PROMPT", positional=True),
    _run("print_config", "", "write a config.toml with all there is to set, and leave"),
    _run("raw", "", "no template: complete the prompt"),
    SYSTEM,
    _run("system_file", "conversation", "the system prompt, from a file", Path, metavar="FILE"),
    _run("latest", "conversation", "go on with the last session", flags=("-c", "--continue")),
    _run(
        "resume",
        "conversation",
        "go on with this session, or choose one",
        text,
        metavar="ID",
        bare="",
    ),
    _run("begin", "conversation", "words that the first reply begins with", text, metavar="TEXT"),
    _run("pick", "conversation", "choose one of the models at hand"),
    _run(
        "preset",
        "sampling",
        "settings that have this name in config.toml, or those of an ollama Modelfile, as if they "
        "were typed; flags go first",
        text,
        metavar="NAME",
    ),
    *SETTINGS.values(),
    _start("save", "conversation", "keep no session", switch, True),
    _start("kv_cache", "conversation", "keep no KV cache of sessions", switch, True),
    _start(
        "plain",
        "terminal",
        "line by line",
        switch,
        None,
        contrary=("--tui", "full screen"),
        unset="what the terminal can",
    ),
    _start(
        "screen_reader",
        "terminal",
        "no redrawing; ACCESSIBLE=1 in the environment says the same",
        switch,
        False,
        variables=("ACCESSIBLE",),
    ),
    _start("color", "terminal", "when there are colours", one_of(COLORS), "auto", choices=COLORS),
    _start("vi", "terminal", "vi keys", switch, False),
    _start("history", "terminal", "keep nothing of what is typed", switch, True),
    _start("title", "terminal", "leave the title of the terminal alone", switch, True),
    _start(
        "notify",
        "terminal",
        "after replies of N seconds or more, call who looks elsewhere: by a notice, or the bell",
        or_off(number(float, 0)),
        NOTIFY,
        metavar="N",
    ),
    _run(
        "prompt",
        "prompt",
        "the prompt; - is standard input",
        text,
        flags=("-p", "--prompt"),
        metavar="TEXT",
    ),
    _run("file", "prompt", "the prompt, from a file", Path, flags=("-f", "--file"), metavar="FILE"),
    _run("stdin", "prompt", "leave standard input alone", default=True),
    JSON,
    _run("ndjson", "output", "a JSON object per event, as it comes"),
    _run("stats", "output", "timings on stderr at the end"),
    _start(
        "ctx_size",
        "engine",
        "how many tokens the context has",
        _CONTEXT,
        None,
        metavar="N",
        unset="as the model says",
    ),
    _run("check", "engine", "check the weights' checksum first"),
    *ENGINE,
    *CONVERSION,
)
"""Every option of the program; those of ``bench`` alone are in ``BENCH_OPTIONS``."""


@dataclass(frozen=True)
class Options(ConversionOptions, EngineOptions):
    """All that a run of the program was told, a field for every row of ``OPTIONS``.

    Those of a conversation are in ``settings``; ``given`` names the rows that a flag, a preset or a
    variable of the environment set, ``set_by_hand`` those that the settings file set as well.
    ``notes`` are to be told of them.
    """

    notes: tuple[str, ...]
    settings: Settings
    given: frozenset[str]
    set_by_hand: frozenset[str]
    model: str
    words: str | None
    print_config: bool
    raw: bool
    system_file: Path | None
    latest: bool
    resume: str | None
    begin: str | None
    pick: bool
    preset: str | None
    threads: int | None
    save: bool
    kv_cache: bool
    plain: bool | None
    screen_reader: bool
    color: Literal["auto", "always", "never"]
    vi: bool
    history: bool
    title: bool
    notify: float | None
    prompt: str | None
    file: Path | None
    stdin: bool
    json: bool
    ndjson: bool
    stats: bool
    ctx_size: int | None
    check: bool


def options_of(
    flags: Mapping[str, Any],
    environ: Mapping[str, str] = os.environ,
    path: Path | None = None,
) -> Options:
    """Settle every option. Raises ``UsageError``, with the place, for what can't be.

    ``flags`` has what the command line gave, by name and as it was typed; ``path`` is that of the
    settings file, the person's own if None.
    """
    if flags.get("plain") is False:  # what is typed goes before what stands in the environment
        flags = {"screen_reader": False, **flags}
    preset = find_preset(flags["preset"], path) if "preset" in flags else NO_PRESET
    values, given, set_by_hand = collect(OPTIONS, flags, environ, path, preset)
    if "engine" in flags and "model" not in flags:  # what the environment names is no part of it
        given -= {"model"}
    threads = values.pop("threads")  # a setting elsewhere
    settings = {name: values.pop(name) for name in (SYSTEM.name, *SETTINGS) if name in values}
    told = {"settings": with_values(Settings(), settings), "threads": threads}
    return Options(notes=preset.notes, given=given, set_by_hand=set_by_hand, **told, **values)


BENCH_OPTIONS: tuple[Option, ...] = (
    replace(_MODEL, default=None),
    _run(
        "shape",
        "",
        "random weights of this size instead of a model",
        one_of(SHAPES),
        choices=tuple(SHAPES),
    ),
    _run(
        "n_prompt",
        "",
        "how many tokens are read",
        number(int, 0),
        default=256,
        flags=("-p",),
        metavar="N",
    ),
    _run(
        "n_decode",
        "",
        "how many tokens are generated",
        number(int, 0),
        default=128,
        flags=("-n",),
        metavar="N",
    ),
    _run(
        "depths",
        "",
        "how many tokens stand in the cache before the decode",
        lambda value: tuple(map(number(int, 0), value.split(","))),
        default=(0,),
        flags=("-d",),
        metavar="N,N",
    ),
    _run(
        "repeats",
        "",
        "how often each test is run",
        number(int, 1),
        default=3,
        flags=("-r",),
        metavar="N",
    ),
    SETTINGS["threads"],
    JSON,
    *CONVERSION,
)
"""The options of ``bench``, which reads neither the environment nor the settings file."""


@dataclass(frozen=True)
class BenchOptions(ConversionOptions):
    """What a run of ``bench`` was told, a field for every row of ``BENCH_OPTIONS``."""

    model: str | None
    shape: str | None
    n_prompt: int
    n_decode: int
    depths: tuple[int, ...]
    repeats: int
    threads: int | None
    json: bool


def bench_options_of(flags: Mapping[str, Any]) -> BenchOptions:
    """Settle the options of ``bench``, from flags alone. Raises ``UsageError``."""
    return BenchOptions(**flags_alone(BENCH_OPTIONS, flags))
