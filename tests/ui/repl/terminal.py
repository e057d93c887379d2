"""The REPL in a pseudo-terminal: what is typed, and what then stands on the screen."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ui.repl.mini_terminal import MiniTerminal

pexpect = pytest.importorskip("pexpect")

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = Path(__file__).with_name("scripted.py")
BROKEN = str(ROOT / "tests" / "ui" / "broken.py")
EMPTY = "> Send a message (/? for help)"
WHERE = "\x1b[6n"  # where is the cursor?
PATIENCE = 20.0
ENTER, CTRL_C, CTRL_D, CTRL_Q, ESC = "\r", "\x03", "\x04", "\x11", "\x1b"


class Terminal:
    """What is typed and what then stands on the screen."""

    def __init__(
        self,
        *flags: str,
        env: dict[str, str] | None = None,
        after_stop: str = "",
        broken: str = "",
    ) -> None:
        """``after_stop`` are the commands of a shell that runs it, once it is suspended.

        ``broken`` is a function that fails, of the whole program with the bundled model.
        """
        environ = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), **(env or {})}
        command = [sys.executable, str(SCRIPT), *flags]
        if broken:
            command = [sys.executable, BROKEN, "llama2ncnn_chat.__main__", broken, "--plain"]
        if after_stop:
            shell = ["bash", "--norc", "-ic"]
            command = [*shell, f"{shlex.join(command)}; {after_stop}"]
        self.child = pexpect.spawn(
            command[0],
            command[1:],
            env=environ,
            cwd=str(ROOT),
            dimensions=(24, 80),
            encoding="utf-8",
        )
        self.raw = ""
        self._screen = MiniTerminal(80, 24)
        self._before, self._raw_before = "", 0

    def type(self, text: str) -> None:
        self._before, self._raw_before = self.screen(), len(self.raw)
        self.child.send(text)

    def screen(self) -> str:
        return "\n".join(self._screen.lines())

    def see(self, text: str, times: int = 1) -> None:
        """Wait until the text stands there so many times more than before anything was typed."""
        wanted = self._before.count(text) + times
        self._wait(lambda: self.screen().count(text) >= wanted, text)

    def see_gone(self, text: str) -> None:
        """Wait until the text stands there no more."""
        self._wait(lambda: text not in self.screen(), f"end of {text}")

    def see_sent(self, sequence: str) -> None:
        """Wait until the terminal has been sent an escape sequence, since anything was typed."""
        self._wait(lambda: sequence in self.raw[self._raw_before :], repr(sequence))

    def prompt(self) -> None:
        """Wait until an empty prompt stands there, with its bar."""
        self._wait(lambda: self._screen.lines()[-2:][:1] == [EMPTY], EMPTY)

    def ends(self, code: int = 0) -> str:
        """Wait for the end, and check its exit code; returns what was shown last."""
        before = len(self.raw)
        while self._read():
            pass
        self.child.close()
        assert (self.child.exitstatus, self.child.signalstatus) == (code, None), self.screen()
        return self.raw[before:]

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f"no {what!r} in\n{self.screen()}"
            assert self._read(), f"it ended before {what!r}:\n{self.screen()}"

    def _read(self) -> bool:
        try:
            text = self.child.read_nonblocking(4096, timeout=0.1)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += text
        self._screen.write(text)
        if WHERE in text:
            self.child.send(f"\x1b[{self._screen.row + 1};{self._screen.column + 1}R")
        return True
