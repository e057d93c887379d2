"""Tables of replacements written by hand after darts-clone's layout, sound and hostile."""

from __future__ import annotations

import struct
import time

import pytest

from llama2ncnn_chat.text.tokenizers.normalizer import Normalizer, rules_of
from llama2ncnn_chat.text.tokenizers.protobuf import fields

LEAF, HAS_LEAF, FAR = 1 << 31, 1 << 8, 1 << 9


def charsmap(units: list[int], texts: bytes) -> bytes:
    return struct.pack(f"<I{len(units)}I", 4 * len(units), *units) + texts


def unit(place: int, label: int, base: int, flags: int = 0) -> int:
    return label | flags | (place ^ base) << 10


def small() -> list[int]:
    """The keys "a" to the text at 0, and "ab" to the one at 2."""
    units = [0] * 300
    units[0] = unit(0, 0, 128)
    units[128 ^ ord("a")] = unit(128 ^ ord("a"), ord("a"), 8, HAS_LEAF)
    units[8] = LEAF | 0
    units[8 ^ ord("b")] = unit(8 ^ ord("b"), ord("b"), 16, HAS_LEAF)
    units[16] = LEAF | 2
    return units


def test_keys_and_their_texts_are_found() -> None:
    assert rules_of(charsmap(small(), b"x\0yz\0")) == {"a": "x", "ab": "yz"}
    assert rules_of(b"") == {}


def test_an_offset_can_be_in_steps_of_256() -> None:
    units = [0] * 1024
    units[0] = FAR | 2 << 10
    units[512 ^ ord("a")] = unit(512 ^ ord("a"), ord("a"), 8, HAS_LEAF)
    units[8] = LEAF | 0
    assert rules_of(charsmap(units, b"x\0")) == {"a": "x"}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\1\0", "cut off"),
        (charsmap(small(), b"")[:100], "trie of 1200 bytes"),
        (struct.pack("<I", 3) + bytes(8), "trie of 3 bytes"),
        (charsmap(small(), b"x\0"), "points to 2 of 2"),
        (charsmap(small(), b"x\0yz"), "points to 2 of 4"),
        (charsmap(small(), b"\xff\0yz\0"), "UTF-8"),
        (charsmap([unit(0, 0, 300 ^ ord("a")), *small()[1:]], b"x\0yz\0")[:-1], ""),
    ],
)
def test_broken_tables_are_refused(data: bytes, says: str) -> None:
    if says:
        with pytest.raises(ValueError, match=says):
            rules_of(data)
    else:
        assert rules_of(data) == {}


def test_a_table_without_end_is_refused_at_once() -> None:
    # Every unit has all the others as its children: a kilobyte of an endless tree.
    units = [0, *(unit(label, label, 0, HAS_LEAF) for label in range(1, 256))]
    began = time.monotonic()
    with pytest.raises(ValueError, match="no end"):
        rules_of(charsmap(units, b"x\0"))
    assert time.monotonic() - began < 10


def test_the_longest_rule_wins_and_protected_pieces_stay() -> None:
    rules = {"a": "x", "ab": "yz", "c": " "}
    assert Normalizer(rules).normalize("aabc d", True) == "▁xyz▁▁d"
    assert Normalizer(rules, protected=["abc"]).normalize("aabc", False) == "xabc"
    few = Normalizer(rules, remove_extra_whitespaces=True)
    assert few.normalize("  c a  c d ", True) == "▁x▁d"
    assert few.normalize(" c ", True) == ""


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x08", "ends within a number"),
        (b"\x08" + b"\xff" * 10, "more than ten bytes"),
        (b"\x00\x01", "number 0"),
        (b"\x0b", "kind 3"),
        (b"\x0a\x05abc", "5 bytes ends beyond"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "ends beyond"),
        (b"\x0d\0\0", "4 bytes ends beyond"),
    ],
)
def test_what_is_no_message_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        list(fields(data))


def test_fields_have_numbers_and_values() -> None:
    data = b"\x08\x96\x01" + b"\x12\x07testing" + b"\x1d\0\0\xc0\x3f" + b"\x21" + bytes(8)
    assert list(fields(data)) == [(1, 150), (2, b"testing"), (3, 1.5), (4, bytes(8))]
