"""Light or dark as the terminal answers: at once, late, in pieces, never; typing goes on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from llama2ncnn_chat.catalogue.bundled import DEMO_CHECKPOINT
from llama2ncnn_chat.ui.tui.driver import ASK_BACKGROUND
from llama2ncnn_chat.ui.tui.pace import ANSWER, ASK
from llama2ncnn_chat.ui.tui.themes import PAPER, remember_theme
from tests.ui.tui.terminal import CTRL_Q, Terminal, open_chat

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals"),
    pytest.mark.skipif(not DEMO_CHECKPOINT.exists(), reason="the bundled model isn't there"),
]

WHITE = "\x1b]11;rgb:ffff/ffff/ffff\x1b\\"
PAPERS = "48;2;251;250;247"
"""The background of the light theme, as it is written to a terminal."""


@pytest.fixture(autouse=True)
def true_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")


def test_the_colours_of_paper() -> None:
    assert PAPER.background == "#fbfaf7"


def test_a_light_terminal(terminals: list[Terminal]) -> None:
    terminal = asked(terminals, {ASK_BACKGROUND: WHITE})
    terminal.wait(lambda: PAPERS in terminal.raw)
    leave(terminal, "caf")


@pytest.mark.parametrize("cut", [2, 5, 12, len(WHITE) - 1, len(WHITE)])
def test_an_answer_that_comes_late_or_in_pieces_is_no_text(
    terminals: list[Terminal], cut: int
) -> None:
    terminal = asked(terminals)
    assert PAPERS not in terminal.raw
    terminal.child.send(WHITE[:cut])
    terminal.child.send(WHITE[cut:])
    terminal.wait(lambda: PAPERS in terminal.raw)
    leave(terminal, "caf")


def test_no_answer_is_waited_for(terminals: list[Terminal]) -> None:
    terminal = asked(terminals)
    assert terminal.raw.partition(ASK_BACKGROUND)[2].startswith(ASK)
    leave(terminal, "caf")
    assert PAPERS not in terminal.raw


def test_a_theme_that_was_picked_stays(terminals: list[Terminal]) -> None:
    remember_theme("nord")
    terminal = asked(terminals, {ASK_BACKGROUND: WHITE})
    leave(terminal, "caf")
    assert PAPERS not in terminal.raw


def asked(terminals: list[Terminal], answers: Mapping[str, str] = MappingProxyType({})) -> Terminal:
    """A terminal that was asked, gives but these answers, and has ``caf`` in the prompt."""
    terminal = open_chat(terminals, answers={**answers, ASK: ANSWER})
    for typed in ("c", "ca", "caf"):  # each a picture, and the question before is answered then
        terminal.type(typed[-1])
        terminal.see(f"▌ {typed}")
    terminal.wait(lambda: ASK_BACKGROUND in terminal.raw)
    return terminal


def leave(terminal: Terminal, typed: str) -> None:
    """Type on after what is typed, of which nothing else must have come, and leave."""
    terminal.type(" and on")
    terminal.see(f"▌ {typed} and on")
    assert "rgb" not in terminal.screen()
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0
