"""The REPL as a person meets it: through a pseudo-terminal, key by key."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from llama2ncnn_chat.paths import history_file
from llama2ncnn_chat.storage.store import Store
from tests.chatting import do, make_chat
from tests.ui.repl.terminal import CTRL_C, CTRL_D, CTRL_Q, ENTER, ESC, Terminal

pexpect = pytest.importorskip("pexpect")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")


def test_a_conversation(terminal: Terminal) -> None:
    terminal.type("hello" + ENTER)
    terminal.see("You said hello.")
    terminal.type("/regen" + ENTER)
    terminal.see("You said hello.")
    terminal.prompt()
    terminal.type("/alt" + ENTER)
    terminal.see("* 2  You said hello.")
    terminal.prompt()
    terminal.type("/undo" + ENTER)
    terminal.see("(took back the last message")
    terminal.see("· 0/2,000 tokens")
    terminal.type("xy" + CTRL_D + ENTER)  # it doesn't leave while something is typed
    terminal.see("You said xy.")
    terminal.prompt()
    terminal.type(CTRL_D)
    last = terminal.ends()
    assert "Aborted" not in last
    assert "saved as 1: llama2ncnn-chat -c goes on" in last
    assert "You said" not in last
    assert not terminal.screen().endswith("for help)")


def test_an_end_of_input_during_a_reply_does_not_end_the_program(terminal: Terminal) -> None:
    terminal.type("slow" + ENTER)
    terminal.see("tick tick tick")
    terminal.type(CTRL_D)
    terminal.type("then" + ESC)
    terminal.see("(stopped; /continue goes on)")
    terminal.type(ENTER)
    terminal.see("You said then.")


def test_escape_and_ctrl_c_stop_a_reply_and_keep_it(terminal: Terminal) -> None:
    for key in (ESC, CTRL_C):
        terminal.type("slow" + ENTER)
        terminal.see("tick tick tick")
        terminal.type(key)
        terminal.see("(stopped; /continue goes on)")
        terminal.prompt()
    terminal.type("next" + ENTER)  # no two messages in a row: the reply before is there, closed
    terminal.see("You said next.")
    terminal.prompt()
    terminal.type("/prev" + ENTER)
    terminal.see("there is 1 reply to this message")
    terminal.type(CTRL_D)
    terminal.ends()


def test_ctrl_c_clears_then_arms_then_quits(terminal: Terminal) -> None:
    terminal.type("a draft")
    terminal.see("this message")
    terminal.type(CTRL_C)
    terminal.prompt()
    terminal.type(CTRL_C)
    terminal.see("^c again quits")
    terminal.type(CTRL_C)
    terminal.ends()


def test_ctrl_q_leaves_at_once(terminal: Terminal) -> None:
    terminal.type("a draft" + CTRL_Q)
    assert "You said" not in terminal.ends()


def test_lines_of_one_message_stay_one_in_history_too(terminal: Terminal) -> None:
    terminal.type("one\ntwo" + ENTER)
    terminal.see("You said one")
    terminal.see("two.")
    terminal.type(CTRL_D)
    terminal.ends()
    assert "+one\n+two\n" in history_file().read_text()
    assert history_file().stat().st_mode & 0o777 == 0o600
    again = Terminal("-c")
    again.prompt()
    again.type("\x1b[A")
    again.see("this message")
    again.type(ENTER)
    again.see("You said one")
    again.see("two.")
    again.prompt()
    again.type("\x12" + "on" + ENTER)  # Ctrl+R
    again.see("two")
    again.type(CTRL_C + CTRL_D)
    again.ends()


def test_an_edit_that_is_cleared_away_changes_nothing(terminal: Terminal) -> None:
    terminal.type("first" + ENTER)
    terminal.see("You said first.")
    terminal.prompt()
    terminal.type("/edit" + ENTER)
    terminal.see("edit> first")
    terminal.type(CTRL_C)
    terminal.prompt()
    terminal.type("second" + ENTER)
    terminal.see("You said second.")
    terminal.prompt()
    terminal.type("/edit" + ENTER)
    terminal.see("edit> second")
    terminal.type(" thing" + ENTER)
    terminal.see("You said second thing.")
    terminal.prompt()
    terminal.type("/context" + ENTER)
    terminal.see("free ")
    assert len(re.findall(r"^you ", terminal.screen(), re.MULTILINE)) == 2
    terminal.type(CTRL_D)
    terminal.ends()


def test_tab_completes_a_command(terminal: Terminal) -> None:
    terminal.type("/cont")
    terminal.see("what takes how much")
    terminal.type("e")
    terminal.see("> /conte")
    terminal.see_gone("/continue")
    terminal.type("\t")
    terminal.see("> /context")
    terminal.type(ENTER)
    terminal.see("free")
    terminal.type(CTRL_D)
    terminal.ends()


def test_styles_are_shown_and_no_color_shows_none() -> None:
    shown = {}
    for env in ({}, {"NO_COLOR": "1"}):
        terminal = Terminal(env=env)
        terminal.prompt()
        terminal.type("code" + ENTER)
        terminal.see("It is **bold**.")
        terminal.prompt()
        terminal.type(CTRL_D)
        terminal.ends()
        shown[bool(env)] = terminal.raw
    colours = re.compile(r"\x1b\[[0-9;]*(3[0-7]|9[0-7])m")
    assert "\x1b[36mx" in shown[False]
    assert colours.search(shown[False])
    assert not colours.search(shown[True])


def test_a_dumb_terminal_gets_lines_and_no_escapes() -> None:
    terminal = Terminal(env={"TERM": "dumb"})
    terminal.see(">")
    terminal.type("hello\n")
    terminal.see("You said hello.")
    terminal.type("slow\n")
    terminal.see("tick tick")
    terminal.type(CTRL_C)
    terminal.see("(stopped; /continue goes on)")
    terminal.type(CTRL_C)
    terminal.see("(^c again quits)")
    terminal.child.kill(signal.SIGTERM)  # that's no Ctrl+C
    terminal.child.expect(pexpect.EOF)
    terminal.child.close()
    assert terminal.child.exitstatus == 130
    assert "\x1b" not in terminal.raw


def test_a_screen_reader_is_not_redrawn_to() -> None:
    terminal = Terminal("--screen-reader")
    terminal.see("You:")
    terminal.type("hello\n")
    terminal.see("Assistant: You said hello.")
    terminal.see("You:")
    terminal.type("/conte\t")
    terminal.see("You: /context")
    terminal.type("\n")
    terminal.see("free")
    terminal.see("You:")
    terminal.type(CTRL_D)
    terminal.ends()
    assert not re.search(r"\x1b\[[0-9;]*[ABCDGHJK]", terminal.raw)


def test_what_does_not_fit_is_refused_with_numbers_and_stays_in_the_prompt(
    terminal: Terminal,
) -> None:
    terminal.type("word " * 500 + ENTER)
    terminal.see("has room for 1,875")
    terminal.see("this message 2,")
    terminal.type(CTRL_C)
    terminal.prompt()
    terminal.type("/context" + ENTER)
    terminal.see("free  2,000")
    terminal.type(CTRL_D)
    terminal.ends()


def test_a_question_is_asked_and_escape_says_no(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "c.md").write_text("mine")
    terminal.type("hello" + ENTER)
    terminal.see("You said hello.")
    terminal.prompt()
    for answer, content in ((ESC, "mine"), ("y" + ENTER, "# Conversation")):
        terminal.type(f"/export {tmp_path}/c.md" + ENTER)
        terminal.see("[y/N]")
        terminal.type(answer)
        terminal.see("exported")
        terminal.prompt()
        assert (tmp_path / "c.md").read_text().startswith(content)
    terminal.type(CTRL_D)
    terminal.ends()


def test_a_session_is_chosen_of_a_list() -> None:
    chat = make_chat(store=Store.open())
    do(chat, "hello")
    chat.close()
    again = Terminal("--resume")
    again.see("1 turn  tiny  hello")
    again.see("> /resume")
    again.type("1" + ENTER)
    again.see("You said hello.")
    again.prompt()
    again.type(CTRL_D)
    again.ends()


def test_vi_keys_and_no_history() -> None:
    terminal = Terminal("--vi", "--no-history")
    terminal.prompt()
    terminal.type("hellp" + ESC)
    terminal.see_sent("\x1b[2 q")  # a block cursor: keys are commands
    terminal.type("ro" + ENTER)
    terminal.see("You said hello.")
    terminal.prompt()
    terminal.type(CTRL_D)
    terminal.ends()
    assert not history_file().exists()


def test_a_terminated_program_keeps_the_half_reply(terminal: Terminal) -> None:
    terminal.type("slow" + ENTER)
    terminal.see("tick tick")
    terminal.child.kill(signal.SIGTERM)
    terminal.child.expect(pexpect.EOF)
    terminal.child.close()
    assert terminal.child.exitstatus == 130, terminal.raw
    again = Terminal("-c")
    again.see("tick tick")
    again.see("(stopped; /continue goes on)")
    again.prompt()
    again.type(CTRL_D)
    again.ends()


def test_ctrl_z_suspends_while_a_reply_is_written() -> None:
    terminal = Terminal(after_stop="echo here is the shell; fg")
    terminal.prompt()
    terminal.type("slow" + ENTER)
    terminal.see("tick tick tick")
    terminal.type("\x1a")
    terminal.see("here is the shell")
    terminal.see("tick", times=10)  # it goes on
    terminal.type(ESC)
    terminal.see("(stopped; /continue goes on)")
    terminal.prompt()
    terminal.type(CTRL_D)
    terminal.ends()
