"""Kills: ``kill -9`` at random moments of everything that writes, the homes used on and on."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from benchmarks.campaign.home import WILD, Home, kill_at_some_time, kill_terminal, type_at
from benchmarks.campaign.part import Effort, Losses, Outcome, attempt
from convert.desc import read_desc, verify
from convert.errors import ConvertError
from tests.tiny_model import random_weights, tiny_config, write_v0

EACH, EACH_SHORT = 48, 1
"""Kills of every kind."""

SCRIPTS = {
    "line editor": ("tell me a story", "/undo", "and now another one", "/regen"),
    "session switching": ("first", "/new", "second", "/load 1", "third", "/load 2", "fourth"),
    "deletion": ("doomed", "/delete", "hello", "/undelete", "/delete 1"),
    "fork": ("a beginning", "/fork", "one way", "/fork 1", "another way"),
    "snapshot writing": ("a long message " * 20, "/quit"),
}
"""What is typed into the line editor before it is killed."""


def kills(folder: Path, effort: Effort) -> Iterator[Outcome]:
    """Kill everything that writes."""
    numbers = range(effort.seed, effort.seed + effort.of(EACH, EACH_SHORT))
    yield _one_shots(Home(folder / "one-shot"), numbers)
    yield _first_openings(folder / "opening", numbers)
    yield _conversions(folder / "conversion", numbers)
    for name, script in SCRIPTS.items():
        yield _typed(name, Home(folder / name.replace(" ", "-")), script, ("--plain",), numbers)
    screen = Home(folder / "screen")
    yield _typed("full screen", screen, ("a message", "/new", "another"), (), numbers)


def _one_shots(home: Home, numbers: range) -> Outcome:
    def losses_of(number: int) -> Losses:
        said = f"message number {number}"
        process = home.start("-p", said, "-n", "40", *WILD)
        code, out, complaints = kill_at_some_time(process, random.Random(number), 2.5)
        if code not in (0, -9):
            yield f"it ended with {code}: {complaints[-200:]}"
        if out:
            home.promised.add(said)
        yield from home.losses()

    return attempt("one-shot", numbers, losses_of)


def _first_openings(folder: Path, numbers: range) -> Outcome:
    """Kill a program that converts its model into the cache."""

    def losses_of(number: int) -> Losses:
        home = Home(folder / str(number))
        process = home.start("-p", "hello", "-n", "3", "--weights", "q4")
        kill_at_some_time(process, random.Random(number), 3)
        yield from home.losses()

    return attempt("first opening", numbers, losses_of)


def _conversions(folder: Path, numbers: range) -> Outcome:
    """Kill a conversion over a model that is there already."""
    home, stem = Home(folder), folder / "model"
    shape = tiny_config(dim=256, hidden_dim=512, vocab_size=8000)
    source = write_v0(folder / "source.bin", shape, random_weights(shape, 0))
    home.run(str(source), str(stem), module="convert")

    def losses_of(number: int) -> Losses:
        rng = random.Random(number)
        weights = rng.choice(("int8", "fp32", "q8", "q4"))
        process = home.start(str(source), str(stem), "--weights", weights, module="convert")
        kill_at_some_time(process, rng, 2)
        home.run(str(source), str(folder / "other"), module="convert")  # sweeps
        try:
            verify(stem, read_desc(stem))
        except ConvertError as e:
            yield f"no whole model is left: {e.message}"
        yield from home.losses()

    return attempt("conversion", numbers, losses_of)


def _typed(
    name: str, home: Home, script: tuple[str, ...], flags: tuple[str, ...], numbers: range
) -> Outcome:
    """Kill a program at a terminal while a script is typed into it."""

    def losses_of(number: int) -> Losses:
        rng = random.Random(number)
        program = home.at_terminal(*flags, "-n", "30")
        within = 5
        if rng.random() < 0.1:
            within = 0  # before it can read anything
        else:
            type_at(program, script)
        kill_terminal(program, rng, within)
        yield from home.losses()

    return attempt(name, numbers, losses_of)
