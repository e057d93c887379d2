"""Whoever kills the program, the terminal is as it was, and the shell's is left alone."""

from __future__ import annotations

import os
import sys

import pytest

from tests.ui.repl.terminal import CTRL_C, CTRL_D, ROOT, Terminal

pexpect = pytest.importorskip("pexpect")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")

LEAVES_SCREEN = "\x1b[?1049l"
KILLED = """
import os, signal, sys
from llama2ncnn_chat.ui.giving_back import given_back
with given_back(sys.stdout) as watcher:
    {where}:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("if True", True),
        ("with watcher.away()", False),
        ("with watcher.away(): pass\n    if True", True),
    ],
)
def test_a_kill_while_the_terminal_is_here_or_away(where: str, told: bool) -> None:
    program = KILLED.format(where=where)
    child = pexpect.spawn(sys.executable, ["-c", program], cwd=str(ROOT), encoding="utf-8")
    child.expect(pexpect.EOF)  # once nothing has the terminal any more
    child.close()
    assert (LEAVES_SCREEN in child.before) is told


def test_a_line_editor_that_is_killed_while_it_is_suspended() -> None:
    terminal = Terminal(after_stop="kill -KILL %1")
    terminal.prompt()
    terminal.type("\x1a")
    assert LEAVES_SCREEN not in terminal.ends()


def test_without_a_shell_nothing_is_suspended() -> None:
    terminal = Terminal()
    terminal.prompt()
    terminal.type("here\x1a still")
    terminal.see("> here still")
    terminal.type(CTRL_C + CTRL_D)
    terminal.ends()
