"""What ncnn computes from a converted model, held against a float64 decoder of the checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import ncnn
import numpy as np
import numpy.typing as npt
import pytest

from convert import desc
from convert.desc import read_desc
from convert.format_names import PLAIN_NAMES
from convert.pipeline import convert
from convert.rope import Rope
from convert.rope_tables import tables
from convert.stem import file_of
from tests.convert.tables import embedding_of
from tests.tiny_model import (
    TinyConfig,
    Weights,
    forward,
    quantise_q80,
    random_weights,
    tiny_config,
    write_v0,
    write_v1,
    write_v2,
)
from tests.weights_source import make

Float32 = npt.NDArray[np.float32]
IDS = [1, 5, 90, 33, 7, 7, 60, 2, 11]


def feed(extractor: ncnn.Extractor, name: str, array: npt.NDArray[np.floating]) -> None:
    array = np.ascontiguousarray(array, np.float32)
    mat = ncnn.Mat(array).clone()  # Mat(array) keeps neither a copy nor a reference
    assert extractor.input(name, mat) == 0


def logits_of(stem: Path, ids: list[int]) -> Float32:
    """Feed all ``ids`` at once to a fresh net, and return every row's logits."""
    d = read_desc(stem)
    net = ncnn.Net()
    net.opt.num_threads = 1
    assert net.load_param(str(file_of(stem, ".param"))) == 0
    assert net.load_model(str(file_of(stem, ".bin"))) == 0
    cos, sin = tables(d.shape.rope, d.shape.head_dim, 0, len(ids))
    run = net.create_extractor()
    feed(run, desc.X, embedding_of(stem, d)[ids])
    feed(run, desc.COS, cos)
    feed(run, desc.SIN, sin)
    feed(
        run, desc.MASK, np.triu(np.full((len(ids), len(ids)), -1e9), 1)
    )  # a window is the engine's
    for i in range(d.shape.n_layers):
        for name in desc.cache_in(i):
            assert run.input(name, ncnn.Mat()) == 0
    code, hidden = run.extract(desc.HIDDEN)
    assert code == 0
    head = net.create_extractor()
    feed(head, desc.HEAD_IN, np.array(hidden))
    code, logits = head.extract(desc.LOGITS)
    assert code == 0
    return np.array(logits)


def relative_error(got: npt.NDArray[np.floating], want: npt.NDArray[np.floating]) -> float:
    assert got.shape == want.shape
    return float(np.linalg.norm(got - want) / np.linalg.norm(want))


# Of logits, after two layers of random weights: ncnn quantises the activations too.
TOLERANCE = {"fp32": 3e-6, "fp16": 2e-3, "int8": 4e-2, "b8": 3e-2, "b6": 8e-2, "b4": 0.35}


@pytest.mark.parametrize("name", PLAIN_NAMES)
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("n", [1, 9])
def test_ncnn_computes_what_the_checkpoint_says(
    tmp_path: Path, name: str, tied: bool, n: int
) -> None:
    c = tiny_config(tied=tied)
    w = random_weights(c, 3)
    convert(write_v1(tmp_path / "m.bin", c, w), tmp_path / "out", weights=name, block=32)
    error = relative_error(logits_of(tmp_path / "out", IDS[:n]), forward(c, w, IDS[:n]))
    assert error < TOLERANCE[name]


@pytest.mark.parametrize(
    "c",
    [
        tiny_config(n_layers=1, n_kv_heads=1),
        tiny_config(dim=48, hidden_dim=100, n_heads=3, n_kv_heads=3, vocab_size=91, tied=False),
    ],
)
def test_other_shapes_and_thetas(tmp_path: Path, c: TinyConfig) -> None:
    w = random_weights(c, 4)
    write_v0(tmp_path / "m.bin", c, w, theta=500000.0)
    convert(tmp_path / "m.bin", tmp_path / "out", weights="fp32")
    want = forward(c, w, IDS, 500000.0)
    assert relative_error(logits_of(tmp_path / "out", IDS), want) < TOLERANCE["fp32"]


@pytest.mark.parametrize("head_dim", [8, 16, 40])  # of a dim of 64 in 4 heads
@pytest.mark.parametrize("interleaved", [True, False])
@pytest.mark.parametrize("weights", ["fp32", "int8", "b8"])
def test_heads_are_free_of_dim_and_pairs_of_their_order(
    tmp_path: Path, head_dim: int, interleaved: bool, weights: str
) -> None:
    c = tiny_config(head_dim=head_dim, tied=False)
    rope = Rope(theta=500.0, interleaved=interleaved)
    w = random_weights(c, 5)
    make(tmp_path / "out", c, w, rope, weights)
    assert w["wq"].shape == (2, 4 * head_dim, 64)
    want = forward(c, w, IDS, 500.0, interleaved=interleaved)
    assert relative_error(logits_of(tmp_path / "out", IDS), want) < TOLERANCE[weights]
    other = forward(c, w, IDS, 500.0, interleaved=not interleaved)
    assert relative_error(other, want) > 1e-2  # the orders are told apart


def test_the_attention_factor_reaches_queries_and_keys(tmp_path: Path) -> None:
    c = tiny_config()
    w = random_weights(c, 5)
    make(tmp_path / "out", c, w, Rope(attention_factor=1.4))
    want = forward(c, w, IDS, attention_factor=1.4)
    assert relative_error(logits_of(tmp_path / "out", IDS), want) < TOLERANCE["fp32"]
    assert relative_error(forward(c, w, IDS), want) > 1e-2


# What a shape may have beside Llama's, alone and all together.
MORE: list[dict[str, int]] = [
    {"qkv_bias": True},
    {"o_bias": True},
    {"mlp_bias": True},
    {"qk_norm": True},
    {"no_rope_interval": 2},
    {"qkv_bias": 1, "o_bias": 1, "mlp_bias": 1, "qk_norm": 1, "no_rope_interval": 3},
]


@pytest.mark.parametrize("more", MORE, ids=lambda more: "+".join(more))
@pytest.mark.parametrize("interleaved", [True, False])
@pytest.mark.parametrize("weights", ["fp32", "int8", "b8"])
def test_biases_norms_and_layers_without_rope(
    tmp_path: Path, more: dict[str, int], interleaved: bool, weights: str
) -> None:
    c = tiny_config(head_dim=24, n_layers=3, **more)  # type: ignore[arg-type]
    w = random_weights(c, 6)
    make(tmp_path / "out", c, w, Rope(interleaved=interleaved), weights)
    want = forward(c, w, IDS, interleaved=interleaved)
    assert relative_error(logits_of(tmp_path / "out", IDS), want) < TOLERANCE[weights]
    without = forward(replace(c, **dict.fromkeys(more, 0)), plain(w), IDS, interleaved=interleaved)  # type: ignore[arg-type]
    assert relative_error(without, want) > 1e-2  # it makes a difference


def plain(w: Weights) -> Weights:
    """The same weights, of no bias."""
    return {name: values for name, values in w.items() if not name.startswith("b")}


def dequantised(w: Weights, group_size: int) -> Weights:
    out = dict(w)
    for name in w.keys() - {"rms_att", "rms_ffn", "rms_final"}:
        q, steps = quantise_q80(w[name], group_size)
        out[name] = (q * steps[:, None]).reshape(w[name].shape)
    return out


@pytest.mark.parametrize("weights", ["fp32", "int8", "b8"])
@pytest.mark.parametrize("group_size", [16, 32])  # ncnn has no blocks of 16
def test_quantised_checkpoints(tmp_path: Path, weights: str, group_size: int) -> None:
    c = tiny_config()
    w = random_weights(c, 6)
    path = write_v2(tmp_path / "m.bin", c, w, group_size)
    d = convert(path, tmp_path / "out", weights=weights)
    assert d.block == ((32 if group_size == 32 else 64) if weights == "b8" else 0)
    want = forward(c, dequantised(w, group_size), IDS)
    assert relative_error(logits_of(tmp_path / "out", IDS), want) < TOLERANCE[weights]
