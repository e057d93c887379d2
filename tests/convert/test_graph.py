"""The graph's ``.param`` text: what ncnn's own parser takes, splits and parameters included."""

from __future__ import annotations

from collections import Counter

import ncnn
import pytest

from convert import desc, llama
from convert.graph import Graph, Layer, Matrix, Params, RowScales, Vector
from convert.layout import ModelConfig
from convert.weights import FORMAT_NAMES, weight_format

CONFIG = ModelConfig(64, 160, 3, 4, 2, 96, 32, tied=True)


def parse(text: str) -> list[tuple[str, str, list[str], list[str], dict[str, str]]]:
    """An independent reader of ``.param``: type, name, inputs, outputs, parameters."""
    magic, counts, *lines = text.splitlines()
    assert magic == "7767517"
    layers = []
    for line in lines:
        kind, name, n_in, n_out, *rest = line.split()
        a, b = int(n_in), int(n_in) + int(n_out)
        params = dict(p.split("=") for p in rest[b:])
        layers.append((kind, name, rest[:a], rest[a:b], params))
    n_layers, n_blobs = map(int, counts.split())
    assert n_layers == len(layers)
    assert n_blobs == sum(len(outputs) for _, _, _, outputs, _ in layers)
    return layers


def test_a_small_graph_is_this_text() -> None:
    g = Graph()
    x = g.add("Input", "x", ())
    a, _ = "a", g.add("Slice", "cut", (x,), {0: (2, -233), 1: 1}, outputs=("a", "b"))
    g.add("BinaryOp", "y", (a, "b"), {0: 2})
    g.add("RMSNorm", "z", ("y",), {2: 1, 0: 4, 1: 1e-5})
    assert g.to_param() == (
        "7767517\n4 5\n"
        "Input x 0 1 x\n"
        "Slice cut 1 2 x a b -23300=2,2,-233 1=1\n"
        "BinaryOp y 2 1 a b y 0=2\n"
        "RMSNorm z 1 1 y z 0=4 1=1.000000000e-05 2=1\n"
    )


def test_a_blob_with_several_readers_is_split_and_one_with_one_is_not() -> None:
    g = Graph()
    g.add("Input", "x", ())
    g.add("BinaryOp", "twice", ("x", "x"), {0: 0})
    g.add("BinaryOp", "y", ("twice", "x"), {0: 0})
    lines = g.to_param().splitlines()[2:]
    assert lines == [
        "Input x 0 1 x",
        "Split split.x 1 3 x x.0 x.1 x.2",
        "BinaryOp twice 2 1 x.0 x.1 twice 0=0",
        "BinaryOp y 2 1 twice x.2 y 0=0",
    ]


@pytest.mark.parametrize("value", [1e-5, 1.0, 123456.0, 0.125, 1e30])
def test_a_float_never_looks_like_an_int(value: float) -> None:
    params: Params = {1: value}
    g = Graph([Layer("Noop", "n", (), ("n",), params)])
    text = g.to_param().split("1=")[1]
    assert "." in text
    assert float(text) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_every_blob_is_written_once_and_read_at_most_once(name: str) -> None:
    layers = parse(llama.build(CONFIG, weight_format(name)).to_param())
    written = Counter(blob for _, _, _, outputs, _ in layers for blob in outputs)
    read = Counter(blob for _, _, inputs, _, _ in layers for blob in inputs)
    assert max(written.values()) == max(read.values()) == 1
    assert not read.keys() - written.keys()
    names = [name for _, name, _, _, _ in layers]
    assert len(names) == len(set(names))
    unread = written.keys() - read.keys()
    caches = {blob for i in range(3) for blob in desc.cache_out(i)}
    assert unread == {desc.HIDDEN, desc.LOGITS, *caches}


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_every_tensor_is_wanted_once(name: str) -> None:
    wanted = [layer.weights for layer in llama.build(CONFIG, weight_format(name)).layers]
    matrices = [w for w in wanted if isinstance(w, Matrix)]
    tensors = Counter((t, m.layer) for m in matrices for t in m.tensors)
    tensors.update((w.tensor, w.layer) for w in wanted if isinstance(w, Vector))
    stacked = ("wq", "wk", "wv", "wo", "w1", "w2", "w3", "rms_att", "rms_ffn")
    want = {(t, i) for t in stacked for i in range(3)} | {("embedding", 0), ("rms_final", 0)}
    assert tensors == Counter(want)
    scales = [w.of for w in wanted if isinstance(w, RowScales)]
    assert scales == (matrices if name == "int8" else [])


@pytest.mark.parametrize("name", FORMAT_NAMES)
@pytest.mark.parametrize("n_kv_heads", [1, 4])
@pytest.mark.parametrize("tied", [True, False])
def test_ncnn_takes_it(name: str, n_kv_heads: int, tied: bool) -> None:
    config = ModelConfig(64, 160, 2, 4, n_kv_heads, 96, 32, tied=tied)
    net = ncnn.Net()
    assert net.load_param_mem(llama.build(config, weight_format(name)).to_param()) == 0
    inputs = {desc.X, desc.COS, desc.SIN, desc.MASK, desc.HEAD_IN}
    assert inputs <= set(net.input_names())


def test_the_head_shares_no_blob_with_the_trunk() -> None:
    layers = parse(llama.build(CONFIG, weight_format("int8")).to_param())
    start = next(i for i, layer in enumerate(layers) if layer[3] == [desc.HEAD_IN])
    trunk = {blob for layer in layers[:start] for blob in (*layer[2], *layer[3])}
    head = {blob for layer in layers[start:] for blob in (*layer[2], *layer[3])}
    assert not trunk & head
