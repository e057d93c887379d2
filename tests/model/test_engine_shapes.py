"""Models that no llama2.c checkpoint can be: heads free of dim, pairs of the two halves."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.formats import codec_of
from convert.pipeline import convert_tensors
from convert.rope import Rope
from convert.shape import ModelShape
from convert.sources.synthetic import SyntheticCheckpoint
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from tests.model.tiny_engine import relative

IDS = [int(17 * i % 96) for i in range(50)]


def make(stem: Path, head_dim: int, interleaved: bool) -> Path:
    rope = Rope(theta=500.0, interleaved=interleaved)
    shape = ModelShape(64, 160, 2, 4, 2, head_dim, 96, 64, tied=True, rope=rope)
    convert_tensors(SyntheticCheckpoint(shape), stem, codec_of("fp32"))
    return stem


@pytest.mark.parametrize("head_dim", [8, 40])
@pytest.mark.parametrize("interleaved", [True, False])
def test_one_at_a_time_is_all_at_once(tmp_path: Path, head_dim: int, interleaved: bool) -> None:
    # That all at once is right, the converter's tests hold against the float64 forward pass.
    stem = make(tmp_path / "m", head_dim, interleaved)
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
    stem = make(tmp_path / "m", head_dim, interleaved)
    engine, cold = NcnnEngine(stem), NcnnEngine(stem)
    engine.forward(IDS)
    engine.cut(5, 22)
    cold.forward(IDS[:5] + IDS[22:])
    got, want = engine.snapshot(), cold.snapshot()
    assert relative(got.keys[0], want.keys[0]) < 1e-5
    assert relative(got.values[0], want.values[0]) < 1e-6
