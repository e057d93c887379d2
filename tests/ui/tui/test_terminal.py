"""The whole program with the bundled model in a pseudo-terminal, as a person meets it."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from llama2ncnn_chat.catalogue.bundled import DEMO_CHECKPOINT
from llama2ncnn_chat.cli import main
from llama2ncnn_chat.storage.store import Store
from llama2ncnn_chat.ui.terminal import without_sequences
from tests.chatting import WILD, WILD_FLAGS
from tests.ui.tui.terminal import (
    CTRL_O,
    CTRL_Q,
    CTRL_Z,
    DOWN,
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

LONG = "Count from one to twenty, and then tell me a long story about a fox."


def test_a_whole_evening(terminals: list[Terminal]) -> None:
    terminal = open_chat(terminals, "--ctx-size=8000")  # which a wild reply doesn't fill soon
    terminal.send("Hello")
    terminal.idle()
    terminal.wait(lambda: len(stored_path()) == 2 and stored_path()[-1].finish == "stop")
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
    terminal.see("✎ editing")
    terminal.type("\x03")  # clears the draft
    terminal.see(PROMPT)
    terminal.type("/edit Hello again" + ENTER)
    terminal.wait(
        lambda: stored_path()[-2].text == "Hello again" and stored_path()[-1].finish is not None
    )
    terminal.idle()

    terminal.type("/new" + ENTER)
    terminal.see("tokens of context")
    terminal.send("What is your name?")
    terminal.wait(lambda: len(_sessions()) == 2 and stored_path()[-1].finish is not None)
    terminal.idle()
    terminal.type(CTRL_O)
    terminal.see("search all")
    terminal.type(DOWN + ENTER)
    terminal.see("Hello again")
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0
    terminal.wait(lambda: _after(terminal) == "saved as 1: llama2ncnn-chat --resume 1 goes on")

    again = open_chat(terminals, "-c")
    again.see("What is your name?")
    again.type("\x04")
    assert again.ended() == 0
    again.wait(lambda: _after(again) == "saved as 2: llama2ncnn-chat -c goes on")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_in_the_middle_of_a_reply(terminals: list[Terminal], name: str) -> None:
    terminal = open_chat(terminals, *WILD_FLAGS)
    terminal.send(LONG)
    terminal.see("writing")
    terminal.child.kill(getattr(signal, name))
    assert terminal.ended() == 128 + getattr(signal, name)
    assert stored_path()[-1].text
    assert stored_path()[-1].finish in ("cancelled", "stop")


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
    terminal.wait(lambda: len(stored_path()) == 4 and stored_path()[-1].finish is not None)
    terminal.hear(CTRL_Q, "shell$")
    terminal.hear(f"echo code=$?{ENTER}", "code=0")


@pytest.mark.parametrize(
    ("editor", "says"), [("false", "ended with 1"), ("/no/editor", "can't be run"), ("'", "run")]
)
def test_an_editor_that_fails_gives_screen_and_draft_back(
    terminals: list[Terminal], monkeypatch: pytest.MonkeyPatch, editor: str, says: str
) -> None:
    monkeypatch.setenv("VISUAL", editor)
    terminal = open_chat(terminals)
    terminal.type("half a thought")
    terminal.see("half a thought")
    terminal.type("\x07")
    terminal.see(says)
    terminal.type(" more")
    terminal.see("half a thought more")
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0


def test_nobody_is_left_stopped_without_a_shell(terminals: list[Terminal]) -> None:
    terminal = open_chat(terminals)
    terminal.type(CTRL_Z)
    terminal.see("no shell to go back to")
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0


def test_a_terminal_that_is_closed(terminals: list[Terminal]) -> None:
    terminal = open_chat(terminals, *WILD_FLAGS)
    terminal.send(LONG)
    terminal.see("writing")
    terminal.child.ptyproc.fileobj.close()
    while terminal.child.isalive():
        time.sleep(0.05)
    assert terminal.child.exitstatus == 128 + signal.SIGHUP
    assert stored_path()[-1].text
    assert stored_path()[-1].finish in ("cancelled", "stop")


def test_a_model_that_is_not_there_is_a_panel_and_an_exit_code(terminals: list[Terminal]) -> None:
    terminal = Terminal("/no/such/model")
    terminals.append(terminal)
    terminal.see("no such model")
    terminal.type("q")
    assert terminal.ended() == 3
    assert "error: /no/such/model" in terminal.raw


def test_a_session_goes_on_without_the_file_of_its_model(
    terminals: list[Terminal], raw: Path
) -> None:
    assert main([str(raw), "-p", "hello", "-n", "5"]) == 0
    raw.unlink()
    terminal = open_chat(terminals, "-c")
    terminal.see("conversion in the cache is used")
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0


def _sessions() -> list[int]:
    store = Store.open()
    try:
        return [info.id for info in store.list()]
    finally:
        store.close()


def _after(terminal: Terminal) -> str:
    """What it says on the person's own screen, once it has left its own."""
    return without_sequences(terminal.raw.rpartition("\x1b[?1049l")[2]).strip()
