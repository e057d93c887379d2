"""Models that no llama2.c checkpoint can be: heads free of dim, pairs of halves, windows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convert.rope import Rope
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from tests.model.tiny_engine import ids_of, relative
from tests.tiny_model import TinyConfig, forward, random_weights, tiny_config
from tests.weights_source import make

IDS = [int(17 * i % 96) for i in range(50)]


def free(stem: Path, head_dim: int, interleaved: bool) -> Path:
    c = tiny_config(head_dim=head_dim, seq_len=64)
    return make(stem, c, random_weights(c, 1), Rope(theta=500.0, interleaved=interleaved))


@pytest.mark.parametrize("head_dim", [8, 40])
@pytest.mark.parametrize("interleaved", [True, False])
def test_one_at_a_time_is_all_at_once(tmp_path: Path, head_dim: int, interleaved: bool) -> None:
    # That all at once is right, the converter's tests hold against the float64 forward pass.
    stem = free(tmp_path / "m", head_dim, interleaved)
    engine, other = NcnnEngine(stem), NcnnEngine(stem)
    want = engine.forward_all(IDS)
    for i, token in enumerate(IDS):
        assert relative(other.forward([token]), want[i]) < 1e-4
    saved = engine.snapshot()
    assert saved.keys.shape == (2, 2, 50, head_dim)
    other.restore(saved)
    assert relative(other.forward([3]), engine.forward([3])) == 0


@pytest.mark.parametrize("head_dim", [8, 40])
@pytest.mark.parametrize("interleaved", [True, False])
def test_a_cut_moves_keys_by_their_own_pairs(
    tmp_path: Path, head_dim: int, interleaved: bool
) -> None:
    stem = free(tmp_path / "m", head_dim, interleaved)
    engine, cold = NcnnEngine(stem), NcnnEngine(stem)
    engine.forward(IDS)
    engine.cut(5, 22)
    cold.forward(IDS[:5] + IDS[22:])
    got, want = engine.snapshot(), cold.snapshot()
    assert relative(got.keys[0], want.keys[0]) < 1e-5
    assert relative(got.values[0], want.values[0]) < 1e-6


def halves(c: TinyConfig, stem: Path, rope: Rope | None = None) -> NcnnEngine:
    return NcnnEngine(make(stem, c, random_weights(c, 2), rope or Rope(interleaved=False)))


@pytest.mark.parametrize("window", [1, 2, 16, 63, 64, 1000])
@pytest.mark.parametrize("batches", [[64], [1] * 64, [5, 1, 30, 28], [20, 44]])
def test_a_window_hides_what_lies_further_back(
    tmp_path: Path, window: int, batches: list[int]
) -> None:
    c = tiny_config(window=window, seq_len=64)
    ids = ids_of(c)
    engine, got, start = halves(c, tmp_path / "m"), [], 0
    for n in batches:
        got.append(engine.forward_all(ids[start : start + n]))
        start += n
    want = forward(c, random_weights(c, 2), ids, interleaved=False)
    assert relative(np.concatenate(got), want) < 1e-5


def test_a_window_goes_on_after_a_rewind(tmp_path: Path) -> None:
    c = tiny_config(window=7, seq_len=64)
    ids = ids_of(c)
    engine = halves(c, tmp_path / "m")
    engine.forward(ids[::-1])
    engine.rewind(0)
    engine.forward(ids[:40])
    engine.rewind(30)
    want = forward(c, random_weights(c, 2), ids, interleaved=False)
    assert relative(engine.forward_all(ids[30:]), want[30:]) < 1e-5


def test_a_cut_leaves_keys_alone_where_nothing_turns(tmp_path: Path) -> None:
    c = tiny_config(no_rope_interval=1, seq_len=64)
    engine = halves(c, tmp_path / "m")
    engine.forward(IDS)
    before = engine.snapshot()
    engine.cut(5, 22)
    after = engine.snapshot()
    assert (after.keys == np.delete(before.keys, np.s_[5:22], axis=2)).all()
    again = halves(replace(c, no_rope_interval=2), tmp_path / "n")
    again.forward(IDS)
    before = again.snapshot()
    again.cut(5, 22)
    stayed = again.snapshot().keys == np.delete(before.keys, np.s_[5:22], axis=2)
    assert stayed[1].all()
    assert not stayed[0, :, 5:].all(axis=-1).any()


def test_dynamic_rope_goes_by_the_context_that_was_chosen(tmp_path: Path) -> None:
    c = tiny_config(seq_len=64)
    w, ids = random_weights(c, 2), ids_of(c, 30)
    rope = Rope("dynamic", factor=2.0, original_context=32, interleaved=False)
    stem = make(tmp_path / "m", c, w, rope)
    short = NcnnEngine(stem, context_length=32).forward_all(ids)
    assert relative(short, forward(c, w, ids, interleaved=False)) < 1e-5
    theta = 10000.0 * (2 * 64 / 32 - 1) ** (16 / 14)
    assert (
        relative(NcnnEngine(stem).forward_all(ids), forward(c, w, ids, theta, interleaved=False))
        < 1e-5
    )
