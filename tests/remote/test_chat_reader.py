"""The text of a stream of chunks: characters that are cut in two, and reasoning that is apart."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llama2ncnn_chat.remote.chat_server import PIECE, ChatReader
from llama2ncnn_chat.remote.dialect import Said
from llama2ncnn_chat.text.reasoning import reasoning_and_answer
from tests.remote.messages import chunk


def deltas_of(*deltas: dict[str, Any], thinks: bool = False) -> str:
    """The text of what a reader is fed."""
    reader, text = ChatReader(thinks=thinks), ""
    for delta in deltas:
        text += "".join(step.text for step in reader.feed(chunk(**delta)) if isinstance(step, Said))
    return text + "".join(s.text for s in reader.feed(chunk("stop")) if isinstance(s, Said))


@given(st.text(st.characters(exclude_categories=["Cs"])), st.data())
def test_characters_may_be_cut_wherever_json_can_cut_them(text: str, data: st.DataObject) -> None:
    """Half of a pair of surrogates in one piece, the other in the next."""
    units = text.encode("utf-16-le")
    cuts = sorted(data.draw(st.sets(st.integers(0, len(units) // 2), max_size=6)))
    spans = zip([0, *cuts], [*cuts, len(units) // 2], strict=True)
    pieces = [units[2 * a : 2 * b].decode("utf-16-le", "surrogatepass") for a, b in spans]
    assert deltas_of(*({"content": piece} for piece in pieces)) == text


def test_a_large_piece_is_told_in_small_ones() -> None:
    text = "aé😀" * PIECE
    steps = list(ChatReader().feed(chunk(content=text)))
    said = [step.text for step in steps if isinstance(step, Said)]
    assert "".join(said) == text
    assert max(map(len, said)) <= PIECE


def test_half_a_character_at_the_end_is_told() -> None:
    assert deltas_of({"content": "a\ud83d"}) == "a\ufffd"


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_that_is_told_apart_is_reasoning(name: str) -> None:
    begin, cut = {"role": "assistant", "content": ""}, {name: "two", "content": None}
    text = deltas_of(begin, {name: "one "}, cut, {"content": "So: "}, {"content": "three"})
    reasoning, answer = reasoning_and_answer(text)
    assert (reasoning.strip(), answer.strip()) == ("one two", "So: three")
