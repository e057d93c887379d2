"""Pastes and drafts in the line editor: whole, and never lost."""

from __future__ import annotations

import os
import time

import pytest

from llama2ncnn_chat.paths import history_file
from tests.ui.repl.terminal import CTRL_C, CTRL_D, ENTER, ESC, Terminal

pexpect = pytest.importorskip("pexpect")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")


def test_a_paste_is_one_message_and_a_big_one_is_folded(terminal: Terminal) -> None:
    terminal.type("\x1b[200~a\rb\x1b[201~" + ENTER)
    terminal.see("You said a")
    terminal.see("b.")
    terminal.prompt()
    terminal.type("\x1b[200~" + "\r".join("abcdefghijklmno") + "\x1b[201~")
    terminal.see("[Pasted text #1 +15 lines]")
    terminal.type(ENTER)
    terminal.see("You said a")
    terminal.see("o.")
    terminal.prompt()
    terminal.type(CTRL_D)
    terminal.ends()
    assert "+n\n+o\n" in history_file().read_text()


@pytest.mark.parametrize("way_out", ["", CTRL_C, ESC])
def test_a_paste_whose_end_never_comes(terminal: Terminal, way_out: str) -> None:
    terminal.type("\x1b[200~red \x1b[31mapples\x1b[0m")
    if way_out:  # by itself, as a key comes
        time.sleep(0.3)
        terminal.type(way_out)
    if way_out == CTRL_C:  # which also clears the prompt
        terminal.prompt()
        terminal.type("\x1b[A")
    terminal.see("red apples")
    terminal.type(" and pears" + ENTER)
    terminal.see("You said red apples and pears.")
    terminal.prompt()
    terminal.type(CTRL_D)
    terminal.ends()


def test_keys_that_nobody_asked_for_and_a_byte_that_is_no_text(terminal: Terminal) -> None:
    terminal.type("caf\x1b[97;1:3u\x1b[57358u")
    os.write(terminal.child.child_fd, b"\xe9")
    terminal.type("\x1b[1089u")
    terminal.see("> caf\ufffd\u0441\n")
    terminal.type(CTRL_C)
    terminal.prompt()
    terminal.type("\x1b[27;5;1089~")  # Ctrl and what stands on C, twice
    terminal.see("^c again quits")
    terminal.type("\x1b[1089;5u")
    terminal.ends()


def test_a_draft_that_is_cleared_is_in_the_history_and_undone(terminal: Terminal) -> None:
    terminal.type("half a thought")
    terminal.see("half a thought")
    terminal.type(CTRL_C)
    terminal.see_gone("half a thought")
    terminal.type("\x1f")  # Ctrl+_
    terminal.see("half a thought")
    terminal.type(CTRL_C)
    terminal.see_gone("half a thought")
    terminal.type("\x1b[A")
    terminal.see("half a thought")


def test_a_folded_paste_is_one_unit(terminal: Terminal) -> None:
    terminal.type("see \x1b[200~" + "\r".join("abcdefghijklmno") + "\x1b[201~ now")
    terminal.see("> see [Pasted text #1 +15 lines] now")
    terminal.type("\x1b[D" * 4 + "\x7f")  # left, Backspace
    terminal.see("> see  now")
    terminal.type("\x1f")
    terminal.see("> see [Pasted text #1 +15 lines] now")


def test_a_refused_message_comes_back_with_its_paste_folded(terminal: Terminal) -> None:
    terminal.type("see \x1b[200~" + "\r".join(["a line of it"] * 300) + "\x1b[201~ now")
    terminal.see("lines] now")
    terminal.type(ENTER)
    terminal.see("> see [Pasted text #1 +300 lines] now")


def test_a_bare_word_stays_in_the_prompt_with_a_hint(terminal: Terminal) -> None:
    terminal.type("exit" + ENTER)
    terminal.see("send 'exit' again to say it to the model\n\n> exit")
    terminal.type(ENTER)
    terminal.see("You said exit.")
    terminal.prompt()
    terminal.type(CTRL_D)
    terminal.ends()


def test_a_message_whose_reply_breaks_off_stands_above_and_not_in_the_prompt(
    terminal: Terminal,
) -> None:
    terminal.type("break" + ENTER)
    terminal.see("tick tick")
    terminal.see("it broke off")
    terminal.prompt()  # an empty one
    terminal.type(CTRL_D)
    terminal.ends()


@pytest.mark.parametrize(
    ("editor", "says"),
    [
        ("false", "false ended with 1"),
        ("/no/editor", "/no/editor: can't be run"),
        ("'", "No closing quotation"),
    ],
)
def test_an_editor_that_fails_gives_the_draft_back(editor: str, says: str) -> None:
    terminal = Terminal(env={"VISUAL": editor})
    terminal.prompt()
    terminal.type("half a thought")
    terminal.see("half a thought")
    terminal.type("\x07")
    terminal.see(says)
    terminal.type(", whole" + ENTER)
    terminal.see("You said half a thought, whole.")
    terminal.prompt()
    terminal.type(CTRL_D)
    terminal.ends()


def test_a_message_is_written_in_an_editor() -> None:
    terminal = Terminal(env={"VISUAL": " ", "EDITOR": "sed -i s/half/whole/"})
    terminal.prompt()
    terminal.type("half a thought")
    terminal.see("half a thought")
    terminal.type("\x07")
    terminal.see("whole a thought")
    terminal.type(ENTER)
    terminal.see("You said whole a thought.")
    terminal.prompt()
    terminal.type(CTRL_D)
    terminal.ends()
