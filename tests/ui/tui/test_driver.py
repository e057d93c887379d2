"""The driver on a real terminal: whatever comes, whoever wakes the program, whatever kills it."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from llama2ncnn_chat.catalogue.bundled import DEMO_CHECKPOINT
from tests.ui.tui.terminal import (
    CTRL_Q,
    ENTER,
    ESC,
    PROMPT,
    Terminal,
    open_chat,
    stored_path,
)

pexpect = pytest.importorskip("pexpect")
pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals"),
    pytest.mark.skipif(not DEMO_CHECKPOINT.exists(), reason="the bundled model isn't there"),
]


@pytest.mark.parametrize(
    "data",
    [
        b"\xe9",
        b"\xff\xfe\xc3",
        b"\x1b[0;5:1u",
        b"\x1b[1089:::99;2:1:::u",
        b"\x1b[1114112;5u",
        b"\x1b[1;1;1;1;1u",
        b"\x1b[;:;:u\x1b[:::~",
    ],
)
def test_whatever_comes_typing_goes_on(terminals: list[Terminal], data: bytes) -> None:
    terminal = open_chat(terminals)
    terminal.type("caf")
    terminal.see("caf")
    os.write(terminal.child.child_fd, data)
    terminal.type(" and on")
    terminal.see("and on")
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0


@pytest.mark.parametrize("f1", ["\x1bOP", "\x1b[11~", "\x1b[[A", "\x1b[1;1:1P"])
def test_a_function_key_in_whatever_form(terminals: list[Terminal], f1: str) -> None:
    terminal = open_chat(terminals)
    terminal.type(f1)
    terminal.see("Everywhere")
    terminal.type(ESC)
    terminal.see(PROMPT)
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0


def test_alt_and_a_letter_types_nothing(terminals: list[Terminal]) -> None:
    terminal = open_chat(terminals)
    terminal.type("caf\x1bx")
    terminal.type("e")
    terminal.see("cafe")
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0


def test_escape_and_a_command_of_vi_however_fast(terminals: list[Terminal]) -> None:
    terminal = open_chat(terminals, "--vi")
    terminal.type("hello")
    terminal.see("hello")
    terminal.type("\x1bbiX")
    terminal.see(" Xhello")
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0


def test_a_paste_without_an_end_and_keys_after_it(terminals: list[Terminal]) -> None:
    terminal = open_chat(terminals)
    terminal.type("\x1b[200~\x1b[31mred\x1b[0m apples\nand")
    terminal.see("red apples")
    terminal.type(" pears")
    terminal.see("and pears")
    terminal.type("\x1b[200~more")
    terminal.type("\x1b[1081;5u")  # Ctrl and what stands on Q; in the paste it is text
    terminal.see("pearsmore")
    terminal.type("\x1b[1081;5u")
    assert terminal.ended() == 0


def test_stopped_and_woken_from_outside(terminals: list[Terminal]) -> None:
    terminal = open_chat(terminals)
    for text in ("one", "two"):
        os.kill(terminal.child.pid, signal.SIGSTOP)
        os.kill(terminal.child.pid, signal.SIGCONT)
        terminal.hear("", "\x1b[?1049h")
        terminal.type(text)
        terminal.see(text)
    terminal.see("onetwo")
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0


def started(terminals: list[Terminal], words: str) -> Terminal:
    """A shell in which the program was started, with words of the shell around it."""
    terminals.append(terminal := Terminal(shell=True))
    command = words.format(f"{sys.executable} -m llama2ncnn_chat")
    terminal.type(f"{command}; echo code=$?{ENTER}")
    return terminal


@pytest.mark.parametrize("streams", ["2>&-", "2>/dev/full"])
def test_it_draws_and_answers_without_standard_error(
    terminals: list[Terminal], streams: str
) -> None:
    terminal = started(terminals, f"{{}} -c {streams}")  # nothing to go on with: there is a note
    terminal.see(PROMPT)
    terminal.send("Hello")
    terminal.wait(lambda: [bool(turn.finish) for turn in stored_path()[1:]] == [True])
    terminal.hear(CTRL_Q, "code=0")
    assert stored_path()[0].text == "Hello"


@pytest.mark.skipif(sys.platform != "linux", reason="what a limit does is a system's own")
@pytest.mark.parametrize("limit", ["-n 8"])
def test_what_the_system_does_not_give_is_one_line(terminals: list[Terminal], limit: str) -> None:
    terminal = started(terminals, f"(ulimit {limit}; {{}})")
    said = terminal.hear("", "code=1")
    assert "llama2ncnn-chat: error: too many open files" in said
    assert "Traceback" not in said


@pytest.mark.skipif(not Path("/proc").exists(), reason="there are no processes to look at")
@pytest.mark.parametrize(
    ("number", "streams"),
    [
        (signal.SIGSEGV, ""),
        (signal.SIGABRT, "2> /dev/null"),
        (signal.SIGKILL, "< /dev/tty"),
    ],
)
def test_a_crash_gives_the_terminal_back(
    terminals: list[Terminal], number: int, streams: str
) -> None:
    terminal = Terminal(shell=True)
    terminals.append(terminal)
    command = f"{sys.executable} -m llama2ncnn_chat {streams}"
    terminal.type(f"stty -a | tr '\\n' ' ' | md5sum; {command}{ENTER}")
    terminal.see(PROMPT)
    (program,) = (
        int(process.name)
        for process in Path("/proc").iterdir()
        if process.name.isdecimal() and _parent_of(process) == terminal.child.pid
    )
    begun = len(terminal.raw)
    os.kill(program, number)
    terminal.wait(lambda: "\x1b[?25h" in terminal.raw[begun:])
    for sequence in ("\x1b[?1049l", "\x1b[?1003l", "\x1b[?2004l", "\x1b[<u"):
        assert sequence in terminal.raw[begun:]
    before = terminal.raw[:begun].partition("  -")[0][-32:]
    terminal.hear(f"stty -a | tr '\\n' ' ' | md5sum{ENTER}", before)


def _parent_of(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has ended meanwhile
        return 0


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="nobody counts wake-ups here")
@pytest.mark.parametrize("typed", ["", "caf", "\x0f"])
def test_nothing_ticks_while_there_is_nothing_to_show(
    terminals: list[Terminal], typed: str
) -> None:
    """With an empty prompt, with a draft, and with the list of sessions open."""
    terminal = open_chat(terminals)
    terminal.type(typed)
    terminal.wait(lambda: not _wakes(terminal, 1.0))
    assert _wakes(terminal, 3.0) <= 1
    terminal.type("\x1b")  # which waits a moment for more, and is heard
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0


def _wakes(terminal: Terminal, seconds: float) -> int:
    """How often the program's threads went to sleep again in that time."""
    before = _sleeps(terminal.child.pid)
    time.sleep(seconds)
    return _sleeps(terminal.child.pid) - before


def _sleeps(process: int) -> int:
    files = [task / "status" for task in Path(f"/proc/{process}/task").iterdir()]
    counts = re.findall(
        r"\nvoluntary_ctxt_switches:\s+(\d+)", "".join(f.read_text() for f in files)
    )
    return sum(map(int, counts))
