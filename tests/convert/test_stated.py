"""What a person states: as a text that is kept, and read again whatever has become of it."""

from __future__ import annotations

import pytest

from convert.stated import NOTHING_STATED, Stated, stated_of


@pytest.mark.parametrize(
    "stated",
    [
        NOTHING_STATED,
        Stated(rope_theta=5e5),
        Stated(norm_eps=1e-6, rope_order="halves"),
        Stated(1e6, 1e-6, "interleaved"),
    ],
)
def test_a_text_says_all_and_no_more(stated: Stated) -> None:
    assert stated_of(stated.text) == stated
    assert bool(stated.text) == (stated != NOTHING_STATED)
    assert len({s.key for s in (stated, stated_of(stated.text))}) == 1


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("", NOTHING_STATED),
        ("{", NOTHING_STATED),
        ("[1]", NOTHING_STATED),
        ("3", NOTHING_STATED),
        ('{"rope_theta": "5", "norm_eps": 1e-06}', Stated(norm_eps=1e-6)),
        ('{"rope_order": "sideways", "of_later": 3}', NOTHING_STATED),
        ('{"rope_order": ["halves"]}', NOTHING_STATED),
        ('{"rope_theta": true}', NOTHING_STATED),
    ],
)
def test_what_is_not_known_is_left_out(text: str, want: Stated) -> None:
    assert stated_of(text) == want
