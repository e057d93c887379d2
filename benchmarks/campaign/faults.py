"""Faults of the surroundings: no room, no right, nothing there any more, closed streams, limits."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.campaign.home import PATIENCE, Home
from benchmarks.campaign.part import Effort, Losses, Outcome, attempt

SHELL = 'exec "$0" -m llama2ncnn_chat "$@" '
STREAMS = ("2>&-", ">&-", "<&-", "2>/dev/full", ">/dev/full", ">&- 2>&-", "<&- >&- 2>&-")
"""What a shell does to the streams of the program."""

ANSWERS = ("2>&-", "<&-", "2>/dev/full")
"""Where the answer has its way all the same."""

NOTHING_TYPED = ("line editor", "<&-")
"""What has nothing to answer, and says so."""

LIMITS = {
    "open files": (resource.RLIMIT_NOFILE, (4, 8, 12, 16, 24)),
    "memory": (resource.RLIMIT_AS, (200 << 20, 400 << 20, 800 << 20)),
    "file size": (resource.RLIMIT_FSIZE, (0, 1 << 12, 1 << 16, 1 << 20)),
}

FACES = {
    "one-shot": (("-p", "hello", "-n", "3"), ""),
    "json": (("-p", "hello", "-n", "3", "--json"), ""),
    "line editor": (("--plain", "-n", "3"), "hello\n/show\n/export x.md\n/quit\n"),
    "models": (("models",), ""),
}
"""Ways to run it: the flags, and what it is told."""

REPEATS, REPEATS_SHORT = 4, 1


def faults(folder: Path, effort: Effort) -> Iterator[Outcome]:
    """Run every face under every fault."""
    repeats = effort.of(REPEATS, REPEATS_SHORT)
    faces = ["one-shot"] if effort.short else list(FACES)
    cases = [(face, streams) for face in faces for streams in STREAMS] * repeats

    def with_streams(number: int) -> Losses:
        face, streams = cases[number]
        home = Home(folder / f"streams-{number}")
        done = _shell(home, face, streams)
        yield from _complaints(f"{face} {streams}", done)
        if streams in ANSWERS and (face, streams) != NOTHING_TYPED and done.returncode != 0:
            yield f"{face} {streams}: ends with {done.returncode}"
        if streams in ANSWERS and face == "one-shot" and not done.stdout:
            yield f"{face} {streams}: no answer"

    yield attempt("closed and full streams", range(len(cases)), with_streams)
    limits = [(face, name, n) for face in faces for name, (_, ns) in LIMITS.items() for n in ns]
    if effort.short:
        limits = limits[::4]

    def with_limits(number: int) -> Losses:
        face, name, n = limits[number]
        home = Home(folder / f"limits-{number}")
        home.promised.add("hello before")
        home.run("-p", "hello before", "-n", "2")
        kind = LIMITS[name][0]
        done = _shell(home, face, "", limit=(kind, n))
        yield from _complaints(f"{face}, {name} {n}", done)
        yield from home.losses()

    yield attempt("limits", range(len(limits)), with_limits)
    places = [(face, place) for face in faces for place in ("data", "state", "cache", "config")]

    def without_rights(number: int) -> Losses:
        face, place = places[number]
        home = Home(folder / f"rights-{number}")
        home.run("-p", "hello", "-n", "2")
        (home.folder / place).mkdir(exist_ok=True)
        shutil.rmtree(home.folder / place)
        (home.folder / place).write_text("a file, where a folder ought to be")
        yield from _complaints(f"{face}, no folder for {place}", _shell(home, face, ""))

    yield attempt("folders that can't be written", range(len(places)), without_rights)


def _shell(
    home: Home, face: str, streams: str, limit: tuple[int, int] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a face with its streams as a shell would set them, or under a limit."""
    flags, said = FACES[face]

    def narrow() -> None:
        if limit:
            resource.setrlimit(limit[0], (limit[1], limit[1]))

    try:
        return subprocess.run(
            ["sh", "-c", SHELL + streams, sys.executable, *flags],
            input=said,
            capture_output=True,
            text=True,
            errors="replace",
            cwd=home.folder,
            env=home.env,
            timeout=PATIENCE,
            preexec_fn=narrow if os.name == "posix" else None,
            check=False,
        )
    except subprocess.TimeoutExpired as e:
        return subprocess.CompletedProcess(e.cmd, -1, "", "it hangs")


def _complaints(what: str, done: subprocess.CompletedProcess[str]) -> Losses:
    """What no run may come to: a traceback, a signal, a hang."""
    # A process that can't even import its libraries isn't ours yet.
    ours = "llama2ncnn_chat" in done.stderr or "convert" in done.stderr
    if "Traceback" in done.stderr and ours:
        yield f"{what}: {done.stderr.strip().splitlines()[-1]}"
    if done.returncode < 0:
        yield f"{what}: ended by {done.returncode} {done.stderr[-100:]}"
