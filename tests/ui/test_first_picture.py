"""Before the face keys wait for it, and whatever happens the terminal is given back."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

import pytest

from llama2ncnn_chat.ui.first_picture import TITLE
from tests.ui.repl.terminal import ROOT

pexpect = pytest.importorskip("pexpect")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")

TAKES_SCREEN, LEAVES_SCREEN = "\x1b[?1049h", "\x1b[?1049l"
PROGRAM = """
import os, select, signal, sys, termios, tty
from llama2ncnn_chat.ui.first_picture import first_picture

before = termios.tcgetattr(0)
try:
    with first_picture(title=False) as take_over:
        select.select([0], [], [])
        {then}
except RuntimeError:
    print("failed", termios.tcgetattr(0) == before)
"""
FACE = """
        watched = take_over()
        print("same", termios.tcgetattr(0) == before)
        tty.setraw(0, termios.TCSANOW)
        print(os.read(0, 9))
        watched.close()
"""


def begin(then: str, typed: str = "a") -> Any:
    """A program that goes on like this once something was typed, below a shell that stays."""
    child = pexpect.spawn(
        "sh",
        ["-c", '"$0" -c "$1"; printf over; read _', sys.executable, PROGRAM.format(then=then)],
        cwd=str(ROOT),
        env={**os.environ, "TERM": "xterm-256color"},
        dimensions=(24, 80),
        encoding="utf-8",
    )
    child.expect_exact(TITLE)
    assert TAKES_SCREEN in child.before
    child.send(typed)
    return child


def run(then: str, typed: str = "a") -> str:
    """All that it writes after the title, once it has ended."""
    child = begin(then, typed)
    child.expect_exact("over")
    return str(child.before)


def test_keys_are_neither_drawn_nor_obeyed_before_there_is_a_face() -> None:
    said = run(FACE, "q\x1a\x03\x13\r")
    assert "same True" in said
    assert re.sub(r"\x1b\[[0-9;?]*\w", "", said).split() == ["same", "True", r"b'q\x1a\x03\x13\r'"]


def test_the_screen_is_kept_for_the_face() -> None:
    assert LEAVES_SCREEN not in run("take_over().close()")


def test_an_error_before_there_is_a_face_gives_the_screen_back() -> None:
    said = run("raise RuntimeError")
    assert said.index(LEAVES_SCREEN) < said.index("failed True")


def test_an_error_of_the_face_leaves_the_screen_to_it() -> None:
    said = run("watched = take_over(); raise RuntimeError")
    assert "failed True" in said
    assert LEAVES_SCREEN not in said


@pytest.mark.parametrize("before", ["", "watched = take_over(); "])
def test_whoever_is_killed_meanwhile_gives_the_screen_back(before: str) -> None:
    begin(f"{before}os.kill(os.getpid(), signal.SIGKILL)").expect_exact(LEAVES_SCREEN)


def test_a_face_that_has_ended_has_given_it_back_itself() -> None:
    assert LEAVES_SCREEN not in run("take_over().close(); os.kill(os.getpid(), signal.SIGKILL)")
