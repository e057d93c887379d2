"""Speeds: none before enough has come to tell it."""

from __future__ import annotations

from llama2ncnn_chat.events import TextDelta
from llama2ncnn_chat.ui.meter import LEAST_TOKENS, Meter


def test_a_rate_appears_once_it_can_be_told() -> None:
    meter = Meter()
    for i in range(LEAST_TOKENS - 1):
        meter.feed(TextDelta("x", (1,)), i * 0.1)
        assert meter.speed() == ""
    meter.feed(TextDelta("x", (1,)), (LEAST_TOKENS - 1) * 0.1)
    assert meter.speed() == "10.0 tok/s"


def test_what_came_together_with_the_first_token_is_not_timed() -> None:
    meter = Meter()
    for _ in range(20):
        meter.feed(TextDelta("x", (1,)), 1.0)
    assert meter.speed() == ""
    for _ in range(20):
        meter.feed(TextDelta("x", (1,)), 2.0)
    assert meter.speed() == "20.0 tok/s"
