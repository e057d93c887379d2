"""Another model in the line-by-line face: through a pseudo-terminal, and in a pipe."""

from __future__ import annotations

import os

import pytest

from tests.chatting import answering, make_chat
from tests.switching import NamedModels, model_of
from tests.ui.repl.talking import talk
from tests.ui.repl.terminal import CTRL_D, ENTER, ESC, Terminal

pexpect = pytest.importorskip("pexpect")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")


def test_another_model_answers_from_then_on(terminal: Terminal) -> None:
    terminal.type("hello" + ENTER)
    terminal.see("You said hello.")
    terminal.prompt()
    terminal.type("/model loud" + ENTER)
    terminal.see("(loud answers from now on)")
    terminal.see("loud · ")
    terminal.prompt()
    terminal.type("again" + ENTER)
    terminal.see("AGAIN!")
    terminal.prompt()
    terminal.type("/model none" + ENTER)
    terminal.see("none: no such model; name another")
    terminal.prompt()
    terminal.type("still" + ENTER)
    terminal.see("STILL!")
    terminal.type(CTRL_D)
    terminal.ends()


def test_a_model_that_takes_long_can_be_stopped(terminal: Terminal) -> None:
    terminal.type("/model stuck" + ENTER)
    terminal.see("loading stuck")
    terminal.see("Esc stops")
    terminal.type(ESC)
    terminal.see("stopped; the model before stays open")
    terminal.prompt()
    terminal.type("hello" + ENTER)
    terminal.see("You said hello.")
    terminal.type(CTRL_D)
    terminal.ends()


def test_a_model_is_chosen_of_a_list_and_its_name_completed(terminal: Terminal) -> None:
    terminal.type("/model" + ENTER)
    terminal.see("(tiny is open (fp32, 0.0 MB))")
    terminal.see("loud   q8")
    terminal.see("> /model")
    terminal.type("lo")
    terminal.see("loud   q8")
    terminal.type("\t")
    terminal.see("> /model loud")
    terminal.type(ENTER)
    terminal.see("(loud answers from now on)")
    terminal.type(CTRL_D)
    terminal.ends()


def test_a_script_can_go_on_with_another_model(capsys: pytest.CaptureFixture[str]) -> None:
    chat = make_chat(models=NamedModels({"loud": model_of(answering(str.upper))}))
    talk(chat, "one\n/model loud\ntwo\n/theme paper\n")
    out, err = capsys.readouterr()
    assert out == "You said one.\nTWO\n"
    assert "(other answers from now on)" in err
    assert "the full screen alone has themes" in err
