"""What a text costs as the files have the model, against the decoder in float64."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from convert.rope import Rope
from convert.sources import open_source
from llama2ncnn_chat.quality.losses import SLICE_VALUES, losses
from tests.tiny_model import (
    Float64,
    TinyConfig,
    Weights,
    forward,
    random_weights,
    tiny_config,
    write_v0,
)
from tests.weights_source import WeightsSource, shape_of

IDS = [1, 5, 90, 33, 7, 7, 60, 2, 11]
CONFIGS = [
    tiny_config(),
    tiny_config(n_heads=8, n_kv_heads=2, n_layers=3, tied=False),
    tiny_config(n_kv_heads=4, hidden_dim=96),
    tiny_config(n_kv_heads=1),
]


def expected(c: TinyConfig, w: Weights, theta: float = 1e4, *, interleaved: bool = True) -> Float64:
    logits = forward(c, w, IDS, theta, interleaved=interleaved)[:-1]
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    costs: Float64 = -np.log(odds[np.arange(len(odds)), IDS[1:]])
    return costs


@pytest.mark.parametrize("c", CONFIGS)
def test_losses_are_those_of_float64(tmp_path: Path, c: TinyConfig) -> None:
    w, theta = random_weights(c, 2), 500.0
    told: list[tuple[int, int]] = []
    with open_source(write_v0(tmp_path / "m.bin", c, w, theta=theta)) as source:
        rope = source.shape.rope
        ropes = [rope, rope.in_order("halves")]
        got = losses(source, IDS, ropes, lambda *x: told.append(x))
    for costs, interleaved in zip(got, (True, False), strict=True):
        want = expected(c, w, theta, interleaved=interleaved)
        np.testing.assert_allclose(costs, want, rtol=0, atol=1e-4)
    assert np.abs(got[0] - got[1]).max() > 0.1
    assert told == [(layer + 1, c.n_layers) for layer in range(c.n_layers)]


class Watched(WeightsSource):
    """Notes how many weights are asked for at once."""

    most = 0

    def rows(self, name: str, layer: int, start: int, stop: int) -> npt.NDArray[np.float32]:
        values = super().rows(name, layer, start, stop)
        self.most = max(self.most, values.size)
        return values


def test_a_large_matrix_is_read_in_slices() -> None:
    c = tiny_config(vocab_size=70_000, n_layers=1)
    w = random_weights(c, 3)
    assert w["embedding"].size > SLICE_VALUES
    source = Watched(shape_of(c), w)
    got = losses(source, IDS, [Rope()])[0]
    np.testing.assert_allclose(got, expected(c, w), rtol=0, atol=1e-4)
    assert source.most <= SLICE_VALUES


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e38])
def test_weights_that_are_no_numbers_make_no_losses_and_no_noise(bad: float) -> None:
    c = tiny_config()
    w = random_weights(c, 0)
    w["w1"][:] = bad
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = losses(WeightsSource(shape_of(c), w), IDS, [Rope()])
    assert not np.isfinite(got).all()


def test_one_id_predicts_nothing() -> None:
    c = tiny_config()
    assert losses(WeightsSource(shape_of(c), random_weights(c, 0)), [1], [Rope()]).shape == (1, 0)
