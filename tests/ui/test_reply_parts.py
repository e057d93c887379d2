"""A reply in parts for a stream of lines: neat, and the same wherever it was cut."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llama2ncnn_chat.events import Row
from llama2ncnn_chat.text.reasoning import Part
from llama2ncnn_chat.ui.reply_parts import ReplyParts


def reply(text: str = "", *, begun: bool = False) -> Row:
    return Row(2, "assistant", text, 1, reasoning_begun=begun)


def shown(parts: list[Part]) -> tuple[str, str]:
    thought, said = ("".join(p.text for p in parts if p.is_reasoning == kind) for kind in (1, 0))
    return thought, said


@pytest.mark.parametrize(
    ("text", "thought", "said"),
    [
        ("  plain\n", "", "  plain\n"),
        ("<think>\nso it is\n\n</think>\n\nyes \n", "so it is", "\n\nyes \n"),
        ("\n <think>a\n b</think>yes", "a\n b", "\n\nyes"),
        ("<think>\n\n</think>\n\nyes", "", "yes"),
        ("<think></think>\nyes", "", "yes"),
        ("<think>never ends \n", "never ends", ""),
    ],
)
def test_what_is_shown(text: str, thought: str, said: str) -> None:
    parts = ReplyParts(reply())
    assert shown(parts.feed(text) + parts.flush()) == (thought, said)


def test_it_goes_on_from_what_is_shown_already() -> None:
    parts = ReplyParts(reply("<think>\none "))
    assert shown(parts.feed("two</think> ")) == (" two", "")
    parts = ReplyParts(reply("one", begun=True))
    assert shown(parts.feed(" two</think>\nyes")) == (" two", "\n\nyes")
    parts = ReplyParts(reply("<think>one</think>\n\nyes"))
    assert shown(parts.feed(" \n<think> no")) == ("", " \n<think> no")


PIECES = st.lists(
    st.sampled_from(["<think>", "</think>", "<th", "ink>", " ", "\n", "a", "b c"]), max_size=12
)


@given(PIECES, st.booleans())
def test_where_it_is_cut_makes_no_difference(pieces: list[str], begun: bool) -> None:
    parts, text = ReplyParts(reply(begun=begun)), "".join(pieces)
    cut = [part for piece in pieces for part in parts.feed(piece)] + parts.flush()
    found = re.fullmatch(
        r"(.*?)(?:</think>(.*))?" if begun else r"\s*<think>(.*?)(?:</think>(.*))?", text, re.DOTALL
    )
    if found:
        thought, answer = found[1].strip(), (found[2] or "").lstrip()
        assert shown(cut) == (thought, "\n\n" + answer if thought and answer else answer)
    else:
        assert shown(cut) == ("", text)
