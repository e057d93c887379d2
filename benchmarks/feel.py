"""How the full-screen chat feels: the first picture, from key to echo, from quit to the shell.

    python -m benchmarks.feel [--shape 1.1b] [--weights int8] [--only ahead|start] [-r 5]

Drives the program itself in a pseudo-terminal of 80x24, with a model of random weights. A key's
time runs until its character has come back; no piece of the model's tokenizer has any of them.

Of a message that is read while it is typed: the time from Enter to the first token, beside one that
is read when it is sent, in turns; and keys in the middle of it beside keys with nothing to do.
"""

from __future__ import annotations

import argparse
import os
import re
import select
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import pexpect  # type: ignore[import-untyped]
from rich.console import Console
from rich.table import Table

from benchmarks.models import random_model
from convert.known_shapes import SHAPES
from llama2ncnn_chat.conversation.ledger import Ledger, Turn
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.storage.store import SessionMeta, Store

KEYS = "ЖЩЮЯЭЪФЦЧШБГДЛПЫ"
TITLE, PROMPT = "llama2ncnn-chat", "Send a message"
LONG = 1200
"""Tokens of the message that takes its time to be read."""
TYPED = "so what do you think a fox would say to that? "
N_TYPED, PACE = 3, 0.15
"""How often that is typed for a message, and seconds from one of its keys to the next."""


Row = Callable[[str, list[float], str], None]


@dataclass
class Program:
    """The program in its terminal, and all that it wrote.

    ``first_picture`` and ``ready``, for a message, came so many seconds after its start.
    """

    child: Any
    written: str = ""
    first_picture: float = 0.0
    ready: float = 0.0

    def type(self, text: str) -> int:
        """Send the text as keys; returns where in `written` the answer begins."""
        begun = len(self.written)
        self.child.send(text.encode())
        return begun

    def wait(self, text: str, begun: int = 0, patience: float = 120.0) -> float:
        """Wait for a text after `begun`; returns seconds, raises TimeoutError after `patience`."""
        start = time.monotonic()
        while text not in without_escapes(self.written[begun:]):
            if time.monotonic() - start > patience:
                raise TimeoutError(f"{text!r} never came")
            self.read()
        return time.monotonic() - start

    def read(self) -> None:
        """Append what the program writes to `written`, after at most 0.2 seconds of waiting."""
        if select.select([self.child.child_fd], [], [], 0.2)[0]:
            self.written += os.read(self.child.child_fd, 1 << 16).decode(errors="replace")

    def echo(self, keys: int, apart: float = 0.03) -> list[float]:
        """Press so many keys, seconds apart; returns milliseconds to the echo of each."""
        times = []
        for number in range(keys):
            key = KEYS[number % len(KEYS)]
            times.append(1e3 * self.wait(key, self.type(key), 10.0))
            self.rest(apart)
        return times

    def rest(self, seconds: float) -> None:
        """Do nothing for so long but read."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.child.child_fd], [], [], left)[0]:
                self.read()

    def quit(self) -> float:
        """Press Ctrl+Q; returns the seconds to the end of the process."""
        self.type("\x11")
        start = time.monotonic()
        while self.child.isalive():
            with suppress(OSError):  # the terminal's other end is gone
                self.read()
        return time.monotonic() - start


def without_escapes(text: str) -> str:
    """Remove the terminal's control sequences from a text."""
    return re.sub(r"\x1b\[[0-9;?<>=]*[ -/]*[@-~]", "", text)


@contextmanager
def program(folder: Path, *flags: str) -> Iterator[Program]:
    """Run the program up to its prompt, with all its folders below `folder`."""
    homes = {
        f"XDG_{kind}_HOME": str(folder / kind) for kind in ("CACHE", "DATA", "STATE", "CONFIG")
    }
    begun = time.monotonic()
    child = pexpect.spawn(
        sys.executable,
        ["-m", "llama2ncnn_chat", *flags],
        env={**os.environ, **homes, "TERM": "xterm-256color"},
        dimensions=(24, 80),
    )
    try:
        opened = Program(child)
        opened.wait(TITLE)
        opened.first_picture = time.monotonic() - begun
        opened.wait(PROMPT)
        opened.ready = time.monotonic() - begun
        yield opened
    finally:
        child.close(force=True)


def long_session(folder: Path, turns: int) -> int:
    """Store a session of messages and replies; returns its number."""
    with patch.dict(os.environ, {"XDG_DATA_HOME": str(folder / "DATA")}):
        store = Store.open()
        recorder = store.create(SessionMeta("", "", {"name": "llama2"}, "", Sampling(), "Long"))
        ledger = Ledger()
        for number in range(turns):
            replies = number % 2 == 1
            text = f"{'A *reply* of some length. ' * 4 if replies else 'Hm?'} {number}"
            turn = ledger.add(Turn("assistant" if replies else "user", text, [1, 300, 301]))
            recorder.turn_added(turn)
            if replies:
                turn.finish = "stop"
                recorder.turn_finished(turn)
        recorder.close()
        store.close()
    assert recorder.session_id is not None
    return recorder.session_id


def main() -> None:
    """Time keys, quits and the opening of a long session, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--shape", choices=SHAPES, default="1.1b")
    parser.add_argument("--weights", default="int8")
    parser.add_argument("--only", choices=("start", "ahead"))
    parser.add_argument("--keys", type=int, default=60)
    parser.add_argument("--turns", type=int, default=500)
    parser.add_argument("-r", type=int, default=5)
    args = parser.parse_args()
    table = Table("what", title=f"{args.shape}, {args.weights}, 80x24")
    for name in ("median", "95%", "worst"):
        table.add_column(name, justify="right")

    def row(what: str, times: list[float], unit: str) -> None:
        times = sorted(times)
        figures = median(times), times[int(0.95 * (len(times) - 1))], times[-1]
        table.add_row(what, *(f"{figure:.3g} {unit}" for figure in figures))

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = str(random_model(folder, args.shape, args.weights))
        if args.only != "ahead":
            measure_start(folder, model, args.r, row)
        if args.only != "start":
            with program(folder, model, "--no-save") as chat:
                measure_ahead(chat, args.keys, args.r, row)
        if args.only:
            Console().print(table)
            return
        for what, message in (("no reply", ""), ("a prefill", "~" * LONG), ("a reply", "Hi")):
            with program(folder, model, "--no-save") as chat:
                busy(chat, message)
                row(f"key to echo during {what}", chat.echo(args.keys), "ms")
        for what, message in (("a prefill", "~" * LONG), ("a reply", "Hi")):
            quits = []
            for _ in range(args.r):
                with program(folder, model) as chat:
                    busy(chat, message)
                    quits.append(chat.quit())
            row(f"quit in the middle of {what}", quits, "s")
        session = long_session(folder, args.turns)
        opened = []
        for _ in range(args.r):
            with program(folder, model) as chat:
                begun = chat.type(f"/resume {session}")
                chat.wait(str(session), begun)
                opened.append(chat.wait(f" {args.turns - 1}", chat.type("\r")))
        row(f"a session of {args.turns} turns opened", opened, "s")
    Console().print(table)


def measure_start(folder: Path, model: str, repeats: int, row: Row) -> None:
    """Time the first picture and the prompt after the start."""
    started = []
    for _ in range(repeats):
        with program(folder, model, "--no-save") as chat:
            started.append(chat)
    row("start to the first picture", [chat.first_picture for chat in started], "s")
    row("start to the prompt", [chat.ready for chat in started], "s")


def measure_ahead(chat: Program, keys: int, repeats: int, row: Row) -> None:
    """Time first tokens and keys with reading ahead and without, in turns."""
    first: dict[str, list[float]] = {"on": [], "off": []}
    echo: dict[str, list[float]] = {"on": [], "off": []}
    for number in range(repeats):
        for ahead in first:
            set_ahead(chat, ahead)
            first[ahead].append(first_token(chat, f"{ahead}{number} {TYPED * N_TYPED}"))
            begun = chat.type(f"{number}{ahead} {TYPED}" * (LONG // len(TYPED)))
            chat.wait("tok", begun)
            echo[ahead] += chat.echo(max(1, keys // repeats), 0.25)
            chat.type("\x03")
            chat.rest(0.5)
    for ahead, what in (("on", "typed"), ("off", "it waits")):
        row(f"Enter to first token, read while {what}", first[ahead], "s")
    ratios = [on / off for on, off in zip(first["on"], first["off"], strict=True)]
    row("the one as a part of the other", ratios, "")
    row("key to echo while a draft is read", echo["on"], "ms")
    row("key to echo while it isn't", echo["off"], "ms")


def set_ahead(chat: Program, ahead: str) -> None:
    """Set whether messages are read ahead, in a session with nothing in its context."""
    for command, said in (
        ("/new", "new session"),
        (f"/set prefill_ahead {ahead}", f"prefill_ahead {ahead}"),
    ):
        chat.type(f"{command}\x1b")
        chat.rest(0.5)
        chat.wait(said, chat.type("\r"))
    chat.rest(0.5)


def first_token(chat: Program, message: str) -> float:
    """Type a message as a person does and send it; returns seconds to the first token."""
    for key in message.strip():
        chat.type(key)
        chat.rest(PACE)
    begun = chat.type("\r")
    took = chat.wait("writing", begun)
    chat.wait("stopped", chat.type("\x1b"))
    return took


def busy(chat: Program, message: str) -> None:
    """Send a message, if it isn't empty, and wait until its prefill or its reply is under way."""
    if not message:
        return
    begun = chat.type(message)
    chat.wait("tokens" if len(message) == LONG else message, begun)
    time.sleep(0.5)
    chat.wait("reading" if len(message) == LONG else "writing", chat.type("\r"))


if __name__ == "__main__":
    main()
