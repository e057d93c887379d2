"""A person's home for a while, the program run in it, and whether everything in it is whole."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

import pexpect  # type: ignore[import-untyped]

from benchmarks.campaign.part import Losses
from convert.temporary import is_temporary
from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.storage.store import Store

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0
"""Seconds after which a program that ought to have ended hangs."""

WILD = ("--temp=50", "--min-p=0", "--top-k=0", "--top-p=1")
"""Under these the bundled model finds no end, so that there is time to kill it."""


class Home:
    """Folders of a person's own, and all that this person was once shown an answer to."""

    def __init__(self, folder: Path) -> None:
        """Make them in ``folder``."""
        self.folder = folder
        names = ("CACHE", "CONFIG", "DATA", "STATE")
        self.env = os.environ | {f"XDG_{n}_HOME": str(folder / n.lower()) for n in names}
        self.env |= {"HOME": str(folder), "HF_HOME": str(folder / "hf"), "TERM": "xterm-256color"}
        self.env |= {"PYTHONPATH": str(ROOT), "GOMP_SPINCOUNT": "0"}
        self.database = folder / "data" / "llama2ncnn" / "sessions.db"
        self.promised: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)

    def start(
        self, *arguments: str, module: str = "llama2ncnn_chat", complaints: int = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        """Start the program with pipes."""
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            errors="replace",
            cwd=self.folder,
            env=self.env,
        )

    def run(
        self, *arguments: str, said: str = "", module: str = "llama2ncnn_chat"
    ) -> tuple[int, str, str]:
        """Run it to its end; returns the exit code and both outputs."""
        process = self.start(*arguments, module=module)
        try:
            out, complaints = process.communicate(said, PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            out, complaints = process.communicate()
            return -1, out, f"{complaints}\nit hangs"
        return process.returncode, out, complaints

    def at_terminal(self, *arguments: str) -> pexpect.spawn:
        """Start it at a terminal of 80 columns."""
        command = ["-m", "llama2ncnn_chat", *arguments]
        env: dict[str, str] = dict(self.env)
        return pexpect.spawn(
            sys.executable, command, env=env, cwd=str(self.folder), dimensions=(24, 80)
        )

    def losses(self) -> Losses:
        """Start it once more, and look whether all is whole, there, and tidy."""
        code, _, complaints = self.run("-p", "are you there", "-n", "2", "--no-save")
        if code != 0 or "Traceback" in complaints:
            yield f"the next start ends with {code}: {complaints[-300:]}"
        litter = [p for p in self.folder.rglob("*") if is_temporary(p.name)]
        if litter:
            yield f"left behind: {litter[0]} and {len(litter) - 1} more"
        if self.database.exists():
            yield from self._losses_of_sessions()

    def _losses_of_sessions(self) -> Losses:
        with closing(sqlite3.connect(self.database)) as db:
            for check in ("integrity_check", "foreign_key_check"):
                if (rows := db.execute(f"PRAGMA {check}").fetchall()) not in ([], [("ok",)]):
                    yield f"{check}: {rows[:3]}"
        there: set[str] = set()
        try:
            with closing(Store.open(self.database)) as store:
                yield from store.notes
                for info in store.list(limit=-1, one_shots=True):
                    loaded = store.resume(info.id)
                    there |= {turn.text for turn in loaded.ledger.turns()}
                    if loaded.read_only:
                        yield f"session {info.id} is locked by nobody"
        except ChatError as e:
            yield f"sessions can't be read: {e}"
        gone = self.promised - there
        if gone:
            yield f"answered and not kept: {sorted(gone)[:3]}"


def kill_at_some_time(
    process: subprocess.Popen[str], rng: random.Random, within: float
) -> tuple[int, str, str]:
    """Kill it at a random moment, unless it has ended; returns the code and both outputs."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(rng.uniform(0, within))
    process.send_signal(signal.SIGKILL)
    out, complaints = process.communicate()
    return process.returncode, out, complaints


def kill_terminal(program: pexpect.spawn, rng: random.Random, within: float) -> None:
    """Read what a program at a terminal shows, and kill it at a random moment."""
    until = time.monotonic() + rng.uniform(0, within)
    with suppress(pexpect.EOF, pexpect.TIMEOUT):
        while (left := until - time.monotonic()) > 0:
            program.read_nonblocking(1 << 16, left)
    program.kill(signal.SIGKILL)
    program.close(force=True)


def type_at(program: pexpect.spawn, lines: Sequence[str]) -> None:
    """Type lines as fast as a terminal takes them."""
    with suppress(OSError):
        for line in lines:
            program.send(line + "\r")


def resident(pid: int) -> int:
    """Return the bytes of memory that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096
