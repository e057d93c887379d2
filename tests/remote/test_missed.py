"""Tokens that a stream left out are found by their bytes, or not at all."""

from __future__ import annotations

from llama2ncnn_chat.remote.missed import Missing
from tests.fakes import ByteTokenizer

SUN, FACE = "日".encode(), "😀".encode()
PAIRS = {290: SUN[:2], 291: FACE[:2], 292: FACE[2:], 293: b" " + SUN[:1], 294: SUN[:2]}


class WithPairs(ByteTokenizer):
    """Some tokens are two bytes of a character, one of which there are twice."""

    vocab_size = 295

    def piece(self, token: int) -> bytes:
        return PAIRS.get(token) or super().piece(token)


def ids(data: bytes) -> list[int]:
    return [byte + 3 for byte in data]


def test_bytes_are_found() -> None:
    missing = Missing(ByteTokenizer())
    *before, last = "é".encode()
    assert missing.find(1, "é", last + 3) == ids(bytes(before))
    assert missing.find(3, "😀", FACE[3] + 3) == ids(FACE[:3])
    assert missing.find(3, "日é", "é".encode()[1] + 3) is None  # 日 would have come by itself


def test_a_row_is_found_by_its_length() -> None:
    missing = Missing(WithPairs())
    assert missing.find(1, "😀", 292) == [291]
    assert missing.find(2, "😀", 292) == ids(FACE[:2])
    assert missing.find(2, " 日", SUN[2] + 3) == [293, SUN[1] + 3]


def test_nothing_is_guessed() -> None:
    missing = Missing(WithPairs())
    last = SUN[2] + 3
    assert missing.find(1, "日", last) is None  # two tokens say these bytes
    assert missing.find(1, "\ufffd", last) is None  # which bytes were there isn't told
    assert missing.find(1, "x", last) is None  # the next token says something else
    assert missing.find(2, "x" * 1000, ord("x") + 3) is None
