"""Reasoning in a stream of text, wherever it is cut."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llama2ncnn_chat.text.reasoning import Part, ReasoningFilter, reasoning_and_answer


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("", "", ""),
        ("yes", "", "yes"),
        ("<think>hm</think>yes", "hm", "yes"),
        ("\n <think>\nhm\n</think>\n\nyes", "\nhm\n", "\n \n\nyes"),
        ("<think>never ends", "never ends", ""),
        ("<think></think>", "", ""),
        ("<think>a <think> b </thin</think></think>", "a <think> b </thin", "</think>"),
        ("the tag <think>x</think>", "", "the tag <think>x</think>"),
        ("<thin", "", "<thin"),
        ("<thinking>", "", "<thinking>"),
        ("</think>x", "", "</think>x"),
    ],
)
def test_what_is_reasoning(text: str, reasoning: str, answer: str) -> None:
    assert reasoning_and_answer(text) == (reasoning, answer)


def test_a_tag_that_the_template_has_written_counts() -> None:
    assert reasoning_and_answer("hm</think>yes", begun=True) == ("hm", "yes")
    assert reasoning_and_answer("hm", begun=True) == ("hm", "")


pieces = st.lists(
    st.sampled_from(["<think>", "</think>", "<", "</", "thi", "nk>", ">", " ", "\n", "a", "é"])
    | st.text(max_size=4)
)


@given(pieces, st.booleans())
def test_where_it_is_cut_makes_no_difference(pieces: list[str], begun: bool) -> None:
    found, text = ReasoningFilter(begun=begun), "".join(pieces)
    parts = [part for piece in pieces for part in found.feed(piece)] + found.flush()
    assert all(part.text for part in parts)
    kinds = [part.is_reasoning for part in parts]
    told = re.fullmatch(
        "(.*?)(</think>(.*))?" if begun else r"(?:(\s*)<think>(.*?)(</think>(.*))?|(.*))",
        text,
        re.DOTALL,
    )
    assert told
    if begun:
        want = (told[1], told[3] or "")
    elif told[5] is not None:
        want = ("", told[5])
    else:
        want = (told[2], told[1] + (told[4] or ""))
    assert want == tuple(
        "".join(part.text for part in parts if part.is_reasoning == kind) for kind in (True, False)
    )
    assert (
        kinds == [*[False] * kinds.index(True), *sorted(kinds[kinds.index(True) :])[::-1]]
        if (True in kinds)
        else True
    )


def test_it_is_told_as_soon_as_it_is_certain() -> None:
    found = ReasoningFilter()
    assert found.feed("<thi") == []
    assert found.feed("nk>so </") == [Part("so ", is_reasoning=True)]
    assert found.feed("b") == [Part("</b", is_reasoning=True)]
    assert found.feed("</think>\nyes") == [Part("\nyes", is_reasoning=False)]
    assert found.feed("<think>") == [Part("<think>", is_reasoning=False)]
    assert found.flush() == []
