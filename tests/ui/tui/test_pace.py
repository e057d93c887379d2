"""A terminal that doesn't keep up gets the newest picture, not all of them."""

from __future__ import annotations

import os
import signal

import pytest

from llama2ncnn_chat.catalogue.bundled import DEMO_CHECKPOINT
from llama2ncnn_chat.ui.tui.pace import ANSWER, ASK, MARGIN, PATIENCE, Pace
from tests.chatting import WILD_FLAGS
from tests.ui.tui.terminal import CTRL_Q, ESC, Terminal, open_chat, stored_path

LONG = "Tell me a story without an end."
MUCH = 5_000
"""Characters, which fill a screen many times."""
FEW = 20_000
"""Bytes, which are a few pictures."""
IN_EVERY_PICTURE, PICTURES = "tok/s", 6
"""What the status line says while a reply is written, and how many pictures are few: without a pace
there are dozens."""
UNREAD = 16_000
"""Bytes that a pseudo-terminal takes before it says that it is full."""


def test_one_question_at_a_time() -> None:
    pace = Pace()
    assert pace.ask(0.0)
    assert not pace.ask(0.1)
    pace.answered(0.2)
    assert pace.ask(0.3)


def test_late_is_what_takes_longer_than_the_quickest_answer() -> None:
    pace = Pace()
    for asked, answered in ((0.0, 0.5), (1.0, 1.2), (2.0, 2.9)):
        assert pace.ask(asked)
        pace.answered(answered)
    assert pace.ask(10.0)
    assert not pace.is_late(10.2 + MARGIN / 2)
    assert pace.is_late(10.2 + MARGIN * 2)
    pace.answered(10.4)
    assert not pace.is_late(11.0)


def test_who_never_answers_is_never_late() -> None:
    pace = Pace()
    assert pace.ask(0.0)
    assert not pace.is_late(1.0)
    assert pace.waited(1.0) == 0


def test_an_answer_that_is_lost_is_waited_for_no_longer() -> None:
    pace = Pace()
    assert pace.ask(0.0)
    pace.answered(0.1)
    assert pace.ask(1.0)
    assert pace.is_late(1.0 + PATIENCE)
    assert not pace.is_late(1.1 + PATIENCE)
    assert pace.ask(2.0 + PATIENCE)


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")
@pytest.mark.skipif(not DEMO_CHECKPOINT.exists(), reason="the bundled model isn't there")
@pytest.mark.parametrize("answers", [True, False])
def test_what_a_key_does_is_seen_soon_on_a_slow_line(
    terminals: list[Terminal], answers: bool
) -> None:
    terminal = open_chat(
        terminals,
        *("--ctx-size=8000", "-n=8000", *WILD_FLAGS),
        answers={ASK: ANSWER} if answers else {},
    )
    terminal.send(LONG)
    terminal.see("writing")
    terminal.wait_unread(lambda: len(stored_path()[-1].text) > MUCH)
    terminal.type(ESC)
    terminal.wait_unread(lambda: stored_path()[-1].finish is not None)
    begun = len(terminal.raw)
    terminal.see("stopped")
    drawn = terminal.raw[begun:]
    assert len(drawn.encode()) < UNREAD + FEW
    assert drawn.count(IN_EVERY_PICTURE) <= PICTURES
    terminal.type(CTRL_Q)
    assert terminal.ended() == 0


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")
@pytest.mark.skipif(not DEMO_CHECKPOINT.exists(), reason="the bundled model isn't there")
def test_a_terminal_that_goes_away_with_pictures_to_draw(terminals: list[Terminal]) -> None:
    terminal = open_chat(terminals, "--ctx-size=8000", "-n=8000", *WILD_FLAGS)
    terminal.send(LONG)
    terminal.see("writing")
    terminal.wait_unread(lambda: len(stored_path()[-1].text) > MUCH)
    terminal.child.ptyproc.fileobj.close()
    terminal.wait_unread(lambda: not terminal.child.isalive())
    assert terminal.child.exitstatus == 128 + signal.SIGHUP
    assert stored_path()[-1].finish in ("cancelled", "stop")
