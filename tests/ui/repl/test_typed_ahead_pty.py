"""What is typed at the REPL while a reply is written, through a pseudo-terminal."""

from __future__ import annotations

import os
import signal

import pytest

from tests.ui.repl.terminal import CTRL_C, CTRL_D, ENTER, ESC, Terminal

pexpect = pytest.importorskip("pexpect")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")


def test_lines_that_are_typed_meanwhile_are_the_next_messages(terminal: Terminal) -> None:
    terminal.type("steady" + ENTER)
    terminal.see("tick")
    terminal.type("quick" + ENTER)
    terminal.see("next: quick")
    terminal.type("and then" + ENTER)
    terminal.see("You said quick.")
    terminal.see("You said and then.")
    terminal.prompt()
    assert terminal.screen().count("tick") == 20
    terminal.type(CTRL_D)
    terminal.ends()


def test_a_stop_holds_what_was_typed_before_it(terminal: Terminal) -> None:
    terminal.type("slow" + ENTER)
    terminal.see("tick")
    terminal.type("quick" + ENTER + "and then" + ENTER)
    terminal.see("tick", times=10)  # the keys have been looked at between tokens
    terminal.type(ESC)
    terminal.see("stopped")
    terminal.see("> quick\n  and then")
    terminal.type(ENTER)
    terminal.see("You said quick")
    terminal.see("and then.")
    terminal.type(CTRL_D)
    terminal.ends()


def test_a_hang_up_keeps_what_was_typed_meanwhile(terminal: Terminal) -> None:
    terminal.type("slow" + ENTER)
    terminal.see("tick")
    terminal.type("quick" + ENTER)
    terminal.see("tick", times=10)
    terminal.child.kill(signal.SIGHUP)
    terminal.child.expect(pexpect.EOF)
    terminal.child.close()
    again = Terminal("-c")
    again.see("> quick")
    again.type(CTRL_C + CTRL_D)
    again.ends()
