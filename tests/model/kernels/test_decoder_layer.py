"""A decoder layer's kernel, its attention and its cache among it, against float64."""

from __future__ import annotations

import numpy as np
import pytest

from llama2ncnn_chat.model.kernels.build import Kernels, build, kinds_here
from tests.model.kernels.layer import Heads, RandomLayer
from tests.model.kernels.reference import ROWS, close

KINDS = {
    "grouped": Heads(),
    "one head of keys a query": Heads(n_kv_heads=4),
    "one head of keys": Heads(n_heads=7, n_kv_heads=1, head_dim=24),
    "halves": Heads(interleaved=False, head_dim=64),
    "many to a head": Heads(n_heads=16, n_kv_heads=2, head_dim=8),
    "normed": Heads(normed=True, interleaved=False, head_dim=20),
    "nothing turns": Heads(turns=False, head_dim=10),
    "a window": Heads(window=21, head_dim=80),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("m", [1, 6, 40])
def test_attention_of_every_shape(kernels: Kernels, kind: str, m: int) -> None:
    layer = RandomLayer(m, KINDS[kind], kernels.cpu)
    layer.run(kernels, *layer.inputs(70))
    inputs = layer.inputs(m)
    att, out = layer.run(kernels, *inputs)
    queries, keys, values = layer.projected(*inputs)
    for got, want in zip(layer.cached(), (keys, values), strict=True):
        # Half a step of float16, beside what bytes that were rounded the other way come to.
        assert np.abs(got[-m:] - want).max() <= 3e-3 * np.abs(want).max()
        assert np.median(np.abs(got[-m:] - want) / np.abs(want)) <= 2**-11
    close(att, layer.attention(queries))
    close(out, layer.rest(att, inputs[0]))


@pytest.mark.parametrize("m", ROWS)
def test_any_number_of_tokens(kernels: Kernels, m: int) -> None:
    layer = RandomLayer(m, Heads(n_heads=6, n_kv_heads=2), kernels.cpu)
    inputs = layer.inputs(m)
    att, out = layer.run(kernels, *inputs)
    close(att, layer.attention(layer.projected(*inputs)[0]))
    close(out, layer.rest(att, inputs[0]))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_fed_at_once_and_on_how_many_threads_changes_nothing(
    kernels: Kernels, kind: str
) -> None:
    outs = []
    for parts, threads in (([45], 2), ([1] * 45, 1), ([3, 8, 1, 17, 16], 3)):
        layer = RandomLayer(0, KINDS[kind], kernels.cpu)
        inputs, ends = layer.inputs(45), np.cumsum(parts)[:-1]
        pieces = zip(*(np.split(a, ends) for a in inputs), strict=True)
        made = [layer.run(kernels, x, cos, sin, threads)[1] for x, cos, sin in pieces]
        outs.append(np.concatenate(made))
    np.testing.assert_array_equal(outs[1], outs[0])
    np.testing.assert_array_equal(outs[2], outs[0])


def test_all_kinds_agree(kernels: Kernels) -> None:
    outs = []
    for one in (kernels, build(kinds_here()[0], alone=True)):
        layer = RandomLayer(4, KINDS["grouped"], one.cpu)
        outs.append(layer.run(one, *layer.inputs(33))[1])
    close(outs[0], outs[1].astype(np.float64))


def test_rubbish_beyond_the_position_is_never_seen(kernels: Kernels) -> None:
    outs = []
    for rubbish in (0, 65504):
        layer = RandomLayer(1, Heads(), kernels.cpu)
        layer.keys[:] = layer.values[:] = rubbish
        outs.append(layer.run(kernels, *layer.inputs(5))[1])
    np.testing.assert_array_equal(outs[0], outs[1])


def test_numbers_beyond_float16_are_cut_and_stay_numbers(kernels: Kernels) -> None:
    layer = RandomLayer(2, Heads(), kernels.cpu)
    x, cos, sin = layer.inputs(3)
    layer.gains[0][:] = 1e7
    _, out = layer.run(kernels, x, cos, sin)
    assert np.abs(layer.keys).max() == 65504
    assert np.isfinite(out).all()
