"""How the full-screen chat feels: from key to echo, from quit to the shell, a long session opened.

    python -m benchmarks.feel [--shape 1.1b] [--keys 60] [--turns 500] [-r 5]

Drives the program itself in a pseudo-terminal of 80x24, with a model of random weights. A key's
time runs until its character has come back; no piece of the model's tokenizer has any of them.
"""

from __future__ import annotations

import argparse
import os
import re
import select
import sys
import tempfile
import time
from collections.abc import Iterator
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
PROMPT = "Send a message"
LONG = 1200
"""Tokens of the message that takes its time to be read."""


@dataclass
class Program:
    """The program in its terminal, and all that it wrote."""

    child: Any
    written: str = ""

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

    def echo(self, keys: int) -> list[float]:
        """Press so many keys, a little apart; returns milliseconds to the echo of each."""
        times = []
        for number in range(keys):
            key = KEYS[number % len(KEYS)]
            times.append(1e3 * self.wait(key, self.type(key), 10.0))
            pause = time.monotonic() + 0.03
            while time.monotonic() < pause:
                self.read()
        return times

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
    child = pexpect.spawn(
        sys.executable,
        ["-m", "llama2ncnn_chat", *flags],
        env={**os.environ, **homes, "TERM": "xterm-256color"},
        dimensions=(24, 80),
    )
    try:
        opened = Program(child)
        opened.wait(PROMPT)
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
    parser.add_argument("--keys", type=int, default=60)
    parser.add_argument("--turns", type=int, default=500)
    parser.add_argument("-r", type=int, default=5)
    args = parser.parse_args()
    table = Table("what", title=f"{args.shape}, int8, 80x24")
    for name in ("median", "95%", "worst"):
        table.add_column(name, justify="right")

    def row(what: str, times: list[float], unit: str) -> None:
        times = sorted(times)
        figures = median(times), times[int(0.95 * (len(times) - 1))], times[-1]
        table.add_row(what, *(f"{figure:.3g} {unit}" for figure in figures))

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stem = random_model(folder, args.shape)
        model = str(stem)
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
