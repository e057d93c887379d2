"""An error that nobody foresaw in the two faces of a terminal: it is given back, the draft kept."""

from __future__ import annotations

import os
import signal
import time

import pytest

from llama2ncnn_chat.catalogue.bundled import DEMO_CHECKPOINT
from llama2ncnn_chat.paths import crash_log, history_file
from tests.ui.broken import SECRET
from tests.ui.repl.terminal import CTRL_D, PATIENCE
from tests.ui.repl.terminal import Terminal as LineTerminal
from tests.ui.tui.terminal import CTRL_O, CTRL_Q, ENTER, PROMPT, Terminal

pexpect = pytest.importorskip("pexpect")
pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals"),
    pytest.mark.skipif(not DEMO_CHECKPOINT.exists(), reason="the bundled model isn't there"),
]

DRAFT = "half a thought"


def check(said: str) -> None:
    """One line was said, the log has no text, and the next start offers the draft."""
    assert "llama2ncnn-chat: error: an error in the program: KeyError" in said
    assert "Traceback" not in said
    for log in crash_log().parent.iterdir():
        assert SECRET not in log.read_text()
        assert DRAFT not in log.read_text()
    assert history_file().with_name("draft").read_text() == DRAFT


@pytest.mark.parametrize(
    ("broken", "key"),
    [
        ("llama2ncnn_chat.ui.tui.over_chat:SessionsScreen", CTRL_O),
        ("llama2ncnn_chat.ui.tui.app:ChatApp.action_settings", "\x1b[12~"),
        ("llama2ncnn_chat.ui.tui.composer:edit_text", "\x07"),
        ("llama2ncnn_chat.ui.tui.sending:interpret", ENTER),
    ],
)
def test_the_full_screen(terminals: list[Terminal], broken: str, key: str) -> None:
    terminal = Terminal(broken=broken)
    terminals.append(terminal)
    terminal.see(PROMPT)
    terminal.type(DRAFT)
    terminal.see(DRAFT)
    terminal.type(key)
    assert terminal.ended() == 70
    check(terminal.raw.rpartition("\x1b[?1049l")[2])
    terminals.append(again := Terminal())
    again.see(DRAFT)
    again.see("send the last time")
    again.type(CTRL_Q)
    assert again.ended() == 0


def test_the_full_screen_before_there_is_a_chat(terminals: list[Terminal]) -> None:
    terminals.append(terminal := Terminal(broken="llama2ncnn_chat.ui.tui.status:StatusLine.render"))
    assert terminal.ended() == 70


@pytest.mark.parametrize(
    ("broken", "key"),
    [
        ("llama2ncnn_chat.ui.repl.face:overview", "\x1b[12~"),
        ("llama2ncnn_chat.ui.repl.keys:_clear", "\x03"),
        ("llama2ncnn_chat.ui.repl.loop:interpret", ENTER),
        ("llama2ncnn_chat.ui.repl.screen:_ReplyView.draw", ENTER),
    ],
)
def test_the_line_editor(broken: str, key: str) -> None:
    terminal = LineTerminal(broken=broken)
    terminal.prompt()
    terminal.type(DRAFT)
    terminal.see(DRAFT)
    terminal.type(key)
    check(terminal.ends(70))
    again = LineTerminal()
    again.see("send the last time")
    again.see(f"> {DRAFT}")
    again.type(ENTER)
    again.see(f"You said {DRAFT}.")
    again.child.close(force=True)


@pytest.mark.parametrize("plain", [True, False])
def test_a_draft_survives_a_signal(terminals: list[Terminal], plain: bool) -> None:
    terminal = LineTerminal() if plain else Terminal()
    terminal.see(PROMPT)
    terminal.type(DRAFT)
    terminal.see(DRAFT)
    terminal.child.kill(signal.SIGTERM)
    if isinstance(terminal, Terminal):
        assert terminal.ended() == 128 + signal.SIGTERM
    else:
        terminal.ends(130)
    assert history_file().with_name("draft").read_text() == DRAFT


@pytest.mark.parametrize("plain", [True, False])
def test_a_draft_survives_its_terminal(terminals: list[Terminal], plain: bool) -> None:
    # In a shell, whose end alone brings a signal: the end of input comes before it.
    terminal = LineTerminal(after_stop="true") if plain else Terminal()
    terminal.see(PROMPT)
    terminal.type(DRAFT)
    terminal.see(DRAFT)
    terminal.child.ptyproc.fileobj.close()  # as a window that is closed
    kept, end = history_file().with_name("draft"), time.monotonic() + PATIENCE
    while not kept.exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    assert kept.read_text() == DRAFT


@pytest.mark.parametrize(("flags", "term"), [(["--screen-reader"], "xterm"), ([], "dumb")])
def test_so_does_one_in_plain_lines(flags: list[str], term: str) -> None:
    terminal = LineTerminal(*flags, env={"TERM": term})
    terminal.see("leaves")
    terminal.type('"""one\n')
    terminal.see("...")
    terminal.type(DRAFT)
    terminal.see(DRAFT)
    terminal.child.kill(signal.SIGTERM)
    terminal.ends(130)
    assert history_file().with_name("draft").read_text() == f"one\n{DRAFT}"


def test_a_message_of_several_rows_that_is_left_is_remembered() -> None:
    terminal = LineTerminal(env={"TERM": "dumb"})
    terminal.see("leaves")
    terminal.type(f'"""{DRAFT}\n')
    terminal.see("...")
    terminal.type(CTRL_D)
    terminal.ends()
    assert f"+{DRAFT}\n" in history_file().read_text()
