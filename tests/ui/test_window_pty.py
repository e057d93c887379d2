"""Title and calls on a real terminal, in both faces, and after whatever ends them."""

from __future__ import annotations

import os
import re
import signal

import pytest

from llama2ncnn_chat.catalogue.bundled import DEMO_CHECKPOINT
from tests.ui.repl.terminal import CTRL_D, ENTER, ESC
from tests.ui.repl.terminal import Terminal as Lines
from tests.ui.tui.terminal import CTRL_Q, Terminal, open_chat

pexpect = pytest.importorskip("pexpect")
pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals"),
    pytest.mark.skipif(not DEMO_CHECKPOINT.exists(), reason="the bundled model isn't there"),
]

TAKE, GIVE_BACK, BLUR = "\x1b[22;0t", "\x1b[23;0t", "\x1b[O"


def titles(raw: str) -> list[str]:
    return re.findall("\x1b]2;(.*?)\a", raw)


def bells(raw: str) -> int:
    return re.sub("\x1b].*?(?:\a|\x1b\\\\)", "", raw).count("\a")


def test_the_full_screen_says_what_it_is_about_and_gives_the_title_back(
    terminals: list[Terminal],
) -> None:
    terminal = open_chat(terminals, "--notify=0")
    terminal.send("Hello")
    terminal.idle()
    assert bells(terminal.raw) == 0
    terminal.type("And now?")
    terminal.see("And now?")
    terminal.type(ENTER + BLUR)
    terminal.wait(lambda: bells(terminal.raw) == 1)
    terminal.type("/rename fox" + ENTER)
    terminal.wait(lambda: titles(terminal.raw)[-1] == "fox")
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0
    assert titles(terminal.raw)[:3] == ["llama2ncnn-chat", "demo", "● demo"]
    assert terminal.raw.index(TAKE) < terminal.raw.index("\x1b]2;")
    assert terminal.raw.count(TAKE) == terminal.raw.count(GIVE_BACK) == 1


def test_a_title_that_nobody_wants_set(terminals: list[Terminal]) -> None:
    terminal = open_chat(terminals, "--no-title")
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0
    assert titles(terminal.raw) == []
    assert TAKE not in terminal.raw
    assert GIVE_BACK not in terminal.raw


def test_a_kill_gives_the_title_back(terminals: list[Terminal]) -> None:
    terminal = open_chat(terminals)
    terminal.child.kill(signal.SIGKILL)
    terminal.wait(lambda: GIVE_BACK in terminal.raw)


def test_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM_PROGRAM", "WezTerm")
    terminal = Lines("--notify=0")
    terminal.prompt()
    terminal.type("hello" + ENTER)
    terminal.see("You said hello.")
    terminal.prompt()
    terminal.type("/save fox" + ENTER)
    terminal.prompt()
    terminal.type("slow" + ENTER)
    terminal.see("tick tick tick")
    assert "\x1b]9;" not in terminal.raw  # it is in front
    terminal.type(BLUR)
    terminal.type(ESC)
    terminal.see_sent("\x1b]9;llama2ncnn-chat: the reply is there: fox\a")
    terminal.prompt()
    terminal.type(CTRL_D)
    terminal.ends()
    assert titles(terminal.raw) == ["tiny", "● tiny", "tiny", "fox", "● fox", "fox"]
    assert terminal.raw.count(TAKE) == terminal.raw.count(GIVE_BACK) == 1


def test_a_screen_reader_gets_the_bell_and_no_title() -> None:
    terminal = Lines("--screen-reader", "--notify=0")
    terminal.see("You:")
    terminal.type("hello\n")
    terminal.see("You said hello.")
    terminal.see("You:")
    terminal.type(CTRL_D)
    terminal.ends()
    assert bells(terminal.raw) == 1
    assert titles(terminal.raw) == []
