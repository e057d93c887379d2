"""Streaming onto a terminal: broken at words, a status line below, no trace of it at the end."""

from __future__ import annotations

import textwrap
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.streams import Styled
from llama2ncnn_chat.ui.repl.writer import Writer
from tests.ui.repl.mini_terminal import MiniTerminal

WORDS = st.text(alphabet="abcde", min_size=1, max_size=9)
TEXTS = st.lists(WORDS, max_size=30).map(" ".join)
CUTS = st.lists(st.integers(0, 300), max_size=20)


def cut(text: str, at: list[int]) -> list[str]:
    ends = sorted({0, len(text), *(i for i in at if i < len(text))})
    return [text[a:b] for a, b in pairwise(ends)]


@pytest.fixture(autouse=True)
def _columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "12")
    monkeypatch.setenv("LINES", "6")


def show(pieces: list[str], status: str = "", *, wrap: bool = True) -> MiniTerminal:
    terminal = MiniTerminal(12, 6)
    writer = Writer(terminal.write, live=True, colour=False)
    for piece in pieces:
        writer.write(piece, status, wrap=wrap)
        if status:
            assert terminal.lines()[-1] == status
            assert terminal.row < terminal.rows - 1
    writer.end()
    return terminal


@given(TEXTS, CUTS)
def test_rows_end_between_words_wherever_the_pieces_end(text: str, cuts: list[int]) -> None:
    want = textwrap.wrap(text, 12)
    assert show(cut(text, cuts)).lines() == want
    assert show(cut(text, cuts), "12 tok/s").lines() == want


@given(st.lists(TEXTS, max_size=4).map("\n".join), CUTS)
def test_nothing_is_lost_or_doubled(text: str, cuts: list[int]) -> None:
    for wrap in (True, False):
        shown = "".join(show(cut(text, cuts), "12 tok/s", wrap=wrap).lines())
        assert shown.replace(" ", "") == text.replace(" ", "").replace("\n", "")


@given(st.text(alphabet="日本語 ab", max_size=60), CUTS)
def test_wide_characters_keep_their_cells(text: str, cuts: list[int]) -> None:
    terminal = show(cut(text, cuts), "x")
    assert "".join(terminal.lines()).replace(" ", "") == text.replace(" ", "")


def test_code_is_left_as_it_is() -> None:
    assert show(["aaaa bbbb cccc"], wrap=False).lines() == ["aaaa bbbb cc", "cc"]


def test_a_word_as_long_as_a_row_goes_on_below() -> None:
    assert show(["ab " + "x" * 20]).lines() == ["ab", "x" * 12, "x" * 8]


def test_styles_stay_with_a_word_that_moves() -> None:
    pieces: list[str] = []

    class Stream(MiniTerminal):
        def write(self, text: str) -> None:
            pieces.append(text)

    writer = Writer(Stream().write, live=True, colour=True)
    writer.write(Styled("aaaa bbbb \x1b[1mcc"))
    writer.write(Styled("cc\x1b[0m"))
    assert "\n\x1b[1mcc" in "".join(pieces)


def test_each_piece_is_one_write() -> None:
    writes: list[str] = []

    class Stream(MiniTerminal):
        def write(self, text: str) -> None:
            writes.append(text)

    writer = Writer(Stream().write, live=True, colour=False)
    for piece in ("one ", "two ", "three four five"):
        writer.write(piece, "status")
    assert len(writes) == 3


def test_not_live_is_the_text_alone() -> None:
    writes: list[str] = []

    class Stream(MiniTerminal):
        def write(self, text: str) -> None:
            writes.append(text)

    writer = Writer(Stream().write, live=False, colour=False)
    writer.write("one two three four", "status")
    writer.end()
    assert "".join(writes) == "one two three four\n"
