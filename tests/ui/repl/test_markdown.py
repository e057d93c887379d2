"""Styling a stream: the same wherever it's cut, and never a character more or less."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.streams import RESET
from llama2ncnn_chat.ui.repl.markdown import BOLD, CODE, HEADING, MarkdownStyler
from llama2ncnn_chat.ui.terminal import DIM

PIECES = st.lists(
    st.sampled_from(["**", "*", "`", "```", "```py\n", "~~~", "\n", "# ", "a", "b c", " ", "#"]),
    max_size=25,
)


def styled(pieces: list[str]) -> str:
    styler = MarkdownStyler(colour=True)
    return "".join(map(styler.feed, pieces)) + styler.flush()


def cells(text: str) -> list[tuple[str, str]]:
    """Every character with its style."""
    style, out = "", []
    for piece in re.findall("\x1b\\[[0-9;]*m|.", text, re.DOTALL):
        if piece[0] == "\x1b":
            style = "" if piece == RESET else style + piece
        else:
            out.append((piece, style))
    return out


@given(PIECES)
def test_no_character_is_lost_and_cuts_make_no_difference(pieces: list[str]) -> None:
    text = "".join(pieces)
    whole = cells(styled([text]))
    assert "".join(c for c, _ in whole) == text
    assert cells(styled(pieces)) == whole
    assert cells(styled(list(text))) == whole


@pytest.mark.parametrize(
    ("text", "marked", "style"),
    [
        ("a **bold** b", "bold", BOLD),
        ("call `f(x)` now", "f(x)", CODE),
        ("```py\nx = 1\n```\nafter", "x = 1", CODE),
        ("# Title\nbody", "Title", HEADING),
    ],
)
def test_what_is_styled(text: str, marked: str, style: str) -> None:
    at = text.index(marked)
    shown = cells(styled(list(text)))
    assert {s for _, s in shown[at : at + len(marked)]} == {style}
    assert shown[-1][1] == ""


@pytest.mark.parametrize("text", ["2 ** 3 = 8", "a * b", "#hashtag", "x ** y ** z"])
def test_what_is_not(text: str) -> None:
    assert all(style == "" for _, style in cells(styled([text])))


def test_a_style_ends_with_its_line() -> None:
    assert cells(styled(["**open\nplain"]))[-1] == ("n", "")
    assert cells(styled(["`open\nplain"]))[-1] == ("n", "")


def test_marks_in_code_are_code() -> None:
    shown = cells(styled(["```\n**x** `y`\n```\n"]))
    assert {s for _, s in shown[4:13]} == {CODE}
    assert {s for _, s in shown[-4:-1]} == {DIM}


def test_text_comes_at_once() -> None:
    styler = MarkdownStyler(colour=True)
    assert styler.feed("Hel") == "Hel"
    assert styler.feed("lo **w") == f"lo {BOLD}**{RESET}{BOLD}w{RESET}"


def test_without_colour_there_is_nothing_but_the_text() -> None:
    styler = MarkdownStyler(colour=False)
    assert styler.feed("# **a** `b`\n```") + styler.flush() == "# **a** `b`\n```"
