"""The program in a pseudo-terminal, and what of it stands on the screen."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from llama2ncnn_chat.conversation.ledger import Turn
from llama2ncnn_chat.storage.store import Store

pexpect = pytest.importorskip("pexpect")

ROOT = Path(__file__).resolve().parents[3]
BROKEN = str(ROOT / "tests" / "ui" / "broken.py")
PROMPT = "Send a message"
PATIENCE = 40.0
ENTER, ESC, CTRL_O, CTRL_Q, CTRL_Z, DOWN = "\r", "\x1b", "\x0f", "\x11", "\x1a", "\x1b[B"
_PIECES = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[[0-9;?<>=]*\$?[ -/]*[@-~]|\x1b[\]P].*?(?:\x07|\x1b\\)|\x1b.|(.)", re.DOTALL)  # fmt: skip  # noqa: E501


class Terminal:
    """The program, and the cells that it has written to: Textual says where before every row.

    ``answers`` are what it answers to sequences that ask something; ``broken`` is a function of the
    program that fails.
    """

    def __init__(
        self,
        *flags: str,
        shell: bool = False,
        answers: Mapping[str, str] = MappingProxyType({}),
        broken: str = "",
    ) -> None:
        command = [sys.executable, "-m", "llama2ncnn_chat", *flags]
        if broken:
            command = [sys.executable, BROKEN, "llama2ncnn_chat.__main__", broken, *flags]
        if shell:
            command = ["bash", "--norc", "-i"]
        self.child = pexpect.spawn(
            command[0],
            command[1:],
            env={**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), "PS1": "shell$ "},
            cwd=str(ROOT),
            dimensions=(24, 80),
            encoding="utf-8",
        )
        self.raw = ""
        self._answers = answers
        self._cells = [[" "] * 80 for _ in range(24)]
        self._at = (0, 0)

    def type(self, text: str) -> None:
        self.child.send(text)

    def screen(self) -> str:
        return "\n".join("".join(row).rstrip() for row in self._cells)

    def see(self, text: str) -> None:
        self.wait(lambda: text in self.screen())

    def wait(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, self.screen()
            self._read()

    def wait_unread(self, true: Callable[[], bool]) -> None:
        """Wait without reading anything, as a line does that is slow."""
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def send(self, text: str) -> None:
        """A message, once it stands in the prompt."""
        self.type(text)
        self.see(text)
        self.type(ENTER)

    def hear(self, typed: str, text: str) -> str:
        """Type, and read until that text has come; returns all that came."""
        begun = len(self.raw)
        self.type(typed)
        self.wait(lambda: text in self.raw[begun:])
        return self.raw[begun:]

    def idle(self) -> None:
        """Until no reply is being written."""
        busy = ("reading", "writing", "stopping")
        self.wait(lambda: not any(word in self.screen().split("\n")[-2] for word in busy))

    def ended(self) -> int:
        """The exit code, and the terminal must be what it was."""
        deadline = time.monotonic() + PATIENCE
        while self.child.isalive() and time.monotonic() < deadline:
            self._read()
        self._read()
        assert not self.child.isalive()
        assert "\x1b[?1049l" in self.raw
        assert "\x1b[?25h" in self.raw
        assert "Traceback" not in self.raw
        return int(self.child.exitstatus)

    def _read(self) -> None:
        try:
            text = self.child.read_nonblocking(65536, timeout=0.05)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return
        self.raw += text
        for question, answer in self._answers.items():
            self.child.send(answer * text.count(question))
        for piece in _PIECES.finditer(text):
            row, column = self._at
            if piece[1]:
                self._at = int(piece[1]) - 1, int(piece[2]) - 1
            elif piece[3] == "\n":
                self._at = row + 1, 0
            elif piece[3] and row < 24 and column < 80:
                self._cells[row][column] = piece[3]
                self._at = row, column + 1


def open_chat(
    terminals: list[Terminal], *flags: str, answers: Mapping[str, str] = MappingProxyType({})
) -> Terminal:
    terminal = Terminal(*flags, answers=answers)
    terminals.append(terminal)
    terminal.see(PROMPT)
    return terminal


def stored_path() -> list[Turn]:
    """The newest session's turns, as they are stored."""
    store = Store.open()
    try:
        return store.peek(store.list()[0].id) if store.list() else []
    finally:
        store.close()
