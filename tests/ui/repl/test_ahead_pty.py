"""A message in the line editor is read while it is typed, and the numbers tell."""

from __future__ import annotations

import os
import re

import pytest

from tests.ui.repl.terminal import ENTER, Terminal

pytest.importorskip("pexpect")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")

MESSAGE = "what do you say to a fox in a tree"


def n_cached(terminal: Terminal, reads: int) -> int:
    """Say something new, after a pause; returns how many of its tokens were read before."""
    terminal.type("/new" + ENTER)
    terminal.prompt()
    terminal.type(f"{MESSAGE} ")
    terminal.see("this message")
    for _ in range(reads):  # nothing on the screen tells when it has been read
        terminal._read()
    terminal.type(ENTER)
    terminal.see(f"You said {MESSAGE}.")
    terminal.type("/stats" + ENTER)
    terminal.see("in all")
    found = re.findall(
        r"\nread +([\d,]+) tokens.*?(?:([\d,]+) were in the cache)?\n", terminal.screen()
    )
    read, cached = (int(number or 0) for number in found[-1])
    assert read + cached == len(f"[INST] {MESSAGE} [/INST]") + 1
    terminal.prompt()
    return cached


def test_what_is_typed_is_read_before_it_is_sent(terminal: Terminal) -> None:
    attempts = (n_cached(terminal, reads) for reads in (3, 10, 30, 100))
    assert any(cached > len(MESSAGE) // 2 for cached in attempts)


def test_it_can_be_switched_off(terminal: Terminal) -> None:
    terminal.type("/set prefill_ahead off" + ENTER)
    terminal.see("prefill_ahead off")
    terminal.prompt()
    assert n_cached(terminal, 10) <= len("[INST] ") + 1
