"""The whole program with the bundled model in a pseudo-terminal, as a person meets it."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llama2ncnn_chat.catalogue.find import DEMO_CHECKPOINT
from llama2ncnn_chat.conversation.ledger import Turn
from llama2ncnn_chat.storage.store import Store
from tests.chatting import WILD, WILD_FLAGS

pexpect = pytest.importorskip("pexpect")
pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals"),
    pytest.mark.skipif(not DEMO_CHECKPOINT.exists(), reason="the bundled model isn't there"),
]

ROOT = Path(__file__).resolve().parents[3]
PROMPT = "Send a message"
PATIENCE = 40.0
ENTER, ESC, CTRL_O, CTRL_Q, CTRL_Z, DOWN = "\r", "\x1b", "\x0f", "\x11", "\x1a", "\x1b[B"
LONG = "Count from one to twenty, and then tell me a long story about a fox."
_PIECES = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[[0-9;?<>=]*\$?[ -/]*[@-~]|\x1b[\]P].*?(?:\x07|\x1b\\)|\x1b.|(.)", re.DOTALL)  # fmt: skip  # noqa: E501


class Terminal:
    """The program, and the cells that it has written to: Textual says where before every row."""

    def __init__(self, *flags: str, shell: bool = False) -> None:
        command = [sys.executable, "-m", "llama2ncnn_chat", *flags]
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
        for piece in _PIECES.finditer(text):
            row, column = self._at
            if piece[1]:
                self._at = int(piece[1]) - 1, int(piece[2]) - 1
            elif piece[3] == "\n":
                self._at = row + 1, 0
            elif piece[3] and row < 24 and column < 80:
                self._cells[row][column] = piece[3]
                self._at = row, column + 1


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.child.close(force=True)


def _open(terminals: list[Terminal], *flags: str) -> Terminal:
    terminal = Terminal(*flags)
    terminals.append(terminal)
    terminal.see(PROMPT)
    return terminal


def test_a_whole_evening(terminals: list[Terminal]) -> None:
    terminal = _open(terminals)
    terminal.send("Hello")
    terminal.idle()
    terminal.wait(lambda: len(_path()) == 2 and _path()[-1].finish == "stop")
    terminal.type("/regen" + ENTER)
    terminal.see("2/2")
    terminal.idle()

    for key, value in WILD.items():
        terminal.type(f"/set {key} {value}" + ENTER)
    terminal.send(LONG)  # stream, and stop
    terminal.see("writing")
    terminal.type(ESC)
    terminal.idle()
    terminal.type("/set max_tokens 20" + ENTER)
    terminal.type("/edit" + ENTER)
    terminal.see("editing a message")
    terminal.type("\x03")  # clears the draft
    terminal.see(PROMPT)
    terminal.type("/edit Hello again" + ENTER)
    terminal.wait(lambda: _path()[-2].text == "Hello again" and _path()[-1].finish is not None)
    terminal.idle()

    terminal.type("/new" + ENTER)
    terminal.see("tokens of context")
    terminal.send("What is your name?")
    terminal.wait(lambda: len(_sessions()) == 2 and _path()[-1].finish is not None)
    terminal.idle()
    terminal.type(CTRL_O)
    terminal.see("search all")
    terminal.type(DOWN + ENTER)
    terminal.see("Hello again")
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0

    again = _open(terminals, "-c")
    again.see("What is your name?")
    again.type("\x04")
    assert again.ended() == 0


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_in_the_middle_of_a_reply(terminals: list[Terminal], name: str) -> None:
    terminal = _open(terminals, *WILD_FLAGS)
    terminal.send(LONG)
    terminal.see("writing")
    terminal.child.kill(getattr(signal, name))
    assert terminal.ended() == 128 + getattr(signal, name)
    assert _path()[-1].text
    assert _path()[-1].finish in ("cancelled", "stop")


def test_suspended_and_brought_back(terminals: list[Terminal]) -> None:
    terminal = Terminal(shell=True)
    terminals.append(terminal)
    terminal.type(f"sh -c '{sys.executable} -m llama2ncnn_chat; exit $?'{ENTER}")
    terminal.see(PROMPT)
    terminal.send("Hello")
    terminal.idle()
    for _ in range(2):
        seen = terminal.hear(CTRL_Z, "shell$").partition("shell$")[0]
        assert "\x1b[?1049l" in seen
        assert "\x1b[?25h" in seen
        assert "\x1b[?1049h" in terminal.hear(f"fg{ENTER}", "Hello")
    terminal.send("And now?")
    terminal.wait(lambda: len(_path()) == 4 and _path()[-1].finish is not None)
    terminal.hear(CTRL_Q, "shell$")
    terminal.hear(f"echo code=$?{ENTER}", "code=0")


@pytest.mark.parametrize(
    ("editor", "says"), [("false", "ended with 1"), ("/no/editor", "can't be run"), ("'", "run")]
)
def test_an_editor_that_fails_gives_screen_and_draft_back(
    terminals: list[Terminal], monkeypatch: pytest.MonkeyPatch, editor: str, says: str
) -> None:
    monkeypatch.setenv("VISUAL", editor)
    terminal = _open(terminals)
    terminal.type("half a thought")
    terminal.see("half a thought")
    terminal.type("\x07")
    terminal.see(says)
    terminal.type(" more")
    terminal.see("half a thought more")
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0


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
    terminal = _open(terminals)
    terminal.type("caf")
    terminal.see("caf")
    os.write(terminal.child.child_fd, data)
    terminal.type(" and on")
    terminal.see("and on")
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0


def test_a_paste_without_an_end_and_keys_after_it(terminals: list[Terminal]) -> None:
    terminal = _open(terminals)
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
    terminal = _open(terminals)
    for text in ("one", "two"):
        os.kill(terminal.child.pid, signal.SIGSTOP)
        os.kill(terminal.child.pid, signal.SIGCONT)
        terminal.hear("", "\x1b[?1049h")
        terminal.type(text)
        terminal.see(text)
    terminal.see("onetwo")
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0


@pytest.mark.skipif(not Path("/proc").exists(), reason="there are no processes to look at")
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_crash_gives_the_terminal_back(terminals: list[Terminal], number: int) -> None:
    terminal = Terminal(shell=True)
    terminals.append(terminal)
    terminal.type(f"stty -a | tr '\\n' ' ' | md5sum; {sys.executable} -m llama2ncnn_chat{ENTER}")
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


def test_nobody_is_left_stopped_without_a_shell(terminals: list[Terminal]) -> None:
    terminal = _open(terminals)
    terminal.type(CTRL_Z)
    terminal.see("no shell to go back to")
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0


def test_a_terminal_that_is_closed(terminals: list[Terminal]) -> None:
    terminal = _open(terminals, *WILD_FLAGS)
    terminal.send(LONG)
    terminal.see("writing")
    terminal.child.ptyproc.fileobj.close()
    while terminal.child.isalive():
        time.sleep(0.05)
    assert terminal.child.exitstatus == 128 + signal.SIGHUP
    assert _path()[-1].text
    assert _path()[-1].finish in ("cancelled", "stop")


def test_a_model_that_is_not_there_is_a_panel_and_an_exit_code(terminals: list[Terminal]) -> None:
    terminal = Terminal("/no/such/model")
    terminals.append(terminal)
    terminal.see("no such model")
    terminal.type("q")
    assert terminal.ended() == 3
    assert "error: /no/such/model" in terminal.raw


def _sessions() -> list[int]:
    store = Store.open()
    try:
        return [info.id for info in store.list()]
    finally:
        store.close()


def _path() -> list[Turn]:
    """The newest session's, as it is stored."""
    store = Store.open()
    try:
        return store.peek(store.list()[0].id) if store.list() else []
    finally:
        store.close()
