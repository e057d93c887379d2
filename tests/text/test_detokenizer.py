"""The streaming law and the few rules of ``Detokenizer``, on a vocabulary small enough to read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llama2ncnn_chat.text.detokenizer import Detokenizer
from tests.fakes import ByteTokenizer


class Words(ByteTokenizer):
    """Ids 0 to 2 are control tokens, 3 to 258 bytes, then a few words."""

    WORDS = (" ", "  ", " the", "the", "é", "日本", "\U0001f600", " naïve", "\0")

    def piece(self, token: int) -> bytes:
        if token < 3:
            return b""
        return bytes([token - 3]) if token < 259 else self.WORDS[token - 259].encode()


SIZE = 259 + len(Words.WORDS)
THE = 259 + Words.WORDS.index(" the")
ids_of_any_kind = st.lists(st.integers(0, SIZE - 1) | st.integers(3 + 0xC0, 3 + 0xFF))


def byte_ids(data: bytes) -> list[int]:
    return [3 + byte for byte in data]


def streamed(ids: list[int], *, begins: bool = False) -> list[str]:
    stream = Detokenizer(Words(), begins=begins)
    return [*(stream.feed(token) for token in ids), stream.flush()]


@given(ids_of_any_kind, st.booleans())
def test_the_stream_joined_is_the_decode_of_all_bytes_at_once(ids: list[int], strip: bool) -> None:
    # What stands between control tokens is decoded in one go by Python itself.
    runs: list[bytes] = [b""]
    for token in ids:
        if token < 3:
            runs.append(b"")
        runs[-1] += Words().piece(token)
    if strip:
        first = next((at for at, run in enumerate(runs) if run), 0)
        runs[first] = runs[first].removeprefix(b" ")
    expected = "".join(run.decode("utf-8", "replace") for run in runs)
    assert "".join(streamed(ids, begins=strip)) == expected


@given(st.text())
def test_any_text_survives_being_fed_byte_by_byte(text: str) -> None:
    pieces = streamed(byte_ids(text.encode()))
    assert "".join(pieces) == text
    assert pieces[-1] == ""  # nothing that was complete is held back
    assert all(len(piece) <= 1 for piece in pieces)


def test_a_character_appears_whole_with_its_last_byte() -> None:
    assert streamed(byte_ids("\U0001f600é".encode())) == ["", "", "", "\U0001f600", "", "é", ""]


def test_an_unfinished_character_is_flushed_as_one_replacement() -> None:
    assert streamed(byte_ids("\U0001f600".encode()[:3])) == ["", "", "", "\ufffd"]


def test_bytes_around_a_control_token_do_not_join() -> None:
    first, second = byte_ids("é".encode())
    assert streamed([first, 2, second]) == ["", "\ufffd", "\ufffd", ""]


@pytest.mark.parametrize("control", [[], [1], [1, 2, 1]])
def test_one_leading_space_is_dropped_where_a_text_begins(control: list[int]) -> None:
    assert "".join(streamed([*control, THE, THE], begins=True)) == "the the"
    assert "".join(streamed([*control, 260, THE], begins=True)) == "  the"
    assert "".join(streamed([*control, 259, THE], begins=True)) == " the"
    assert "".join(streamed([*control, 262, THE], begins=True)) == "the the"


def test_a_continuation_keeps_its_leading_space() -> None:
    assert "".join(streamed([THE, THE])) == " the the"


class Marked(Words):
    """A vocabulary that begins a text with something else than a space."""

    def first_piece(self, token: int) -> bytes:
        return b"^" + self.piece(token)


def test_the_vocabulary_says_what_a_text_begins_with_and_is_asked_once() -> None:
    for begins, text in ((True, "^ the the"), (False, " the the")):
        stream = Detokenizer(Marked(), begins=begins)
        assert "".join(map(stream.feed, [1, THE, 1, THE])) == text


def test_an_id_outside_the_vocabulary_is_an_error() -> None:
    with pytest.raises(IndexError):
        streamed([SIZE])
