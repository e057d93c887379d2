"""Speeds: what is fed in a run, by an engine that takes notes; never how fast."""

from __future__ import annotations

from typing import cast

from llama2ncnn_chat.model.engine import Engine
from llama2ncnn_chat.quality.speed import decode_rates, prefill_rates, warm_up


class Notes:
    """Notes how many tokens came at which position."""

    vocab_size, context_length = 9, 64

    def __init__(self) -> None:
        self.position, self.fed = 0, list[tuple[int, int]]()

    def forward(self, ids: list[int]) -> None:
        assert all(0 <= token < self.vocab_size for token in ids)
        self.fed.append((self.position, len(ids)))
        self.position += len(ids)

    def rewind(self, position: int) -> None:
        assert position <= self.position
        self.position = position


def test_runs_feed_what_they_say() -> None:
    notes = Notes()
    engine = cast("Engine", notes)
    warm_up(engine)
    assert len(prefill_rates(engine, 20, 3)) == 3
    assert notes.fed == [(0, 16), *[(0, 20)] * 3]
    notes.fed.clear()
    rates = decode_rates(engine, 3, 2, depth=30)
    assert min(rates) > 0
    one_by_one = [(30, 1), (31, 1), (32, 1)]
    assert notes.fed == [(20, 10), *one_by_one, *one_by_one]


def test_whoever_has_no_patience_gets_one_run() -> None:
    assert len(prefill_rates(cast("Engine", Notes()), 20, 3, patience=0)) == 1
