"""The decoder's graph: what ncnn's own parser takes, every blob and every tensor once."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import ncnn
import pytest

from convert import decoder, desc
from convert.format_names import FORMAT_NAMES, PLAIN_NAMES
from convert.formats import codec_of
from convert.graph import Matrix, RowScales, Vector
from convert.rope import Rope
from convert.shape import ModelShape

SHAPE = ModelShape(64, 160, 3, 4, 2, 16, 96, 32, tied=True)


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


@pytest.mark.parametrize("codec", FORMAT_NAMES)
def test_every_blob_is_written_once_and_read_at_most_once(codec: str) -> None:
    layers = parse(decoder.build(SHAPE, codec_of(codec)).to_param())
    written = Counter(blob for _, _, _, outputs, _ in layers for blob in outputs)
    read = Counter(blob for _, _, inputs, _, _ in layers for blob in inputs)
    assert max(written.values()) == max(read.values()) == 1
    assert not read.keys() - written.keys()
    names = [name for _, name, _, _, _ in layers]
    assert len(names) == len(set(names))
    unread = written.keys() - read.keys()
    fused = codec_of(codec).fused
    caches = {blob for i in range(3) for blob in desc.cache_out(i) if not fused}
    assert unread == {desc.HIDDEN, desc.LOGITS, *caches}


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_every_tensor_is_wanted_once(name: str) -> None:
    wanted = [layer.weights for layer in decoder.build(SHAPE, codec_of(name)).layers]
    matrices = [w for w in wanted if isinstance(w, Matrix)]
    tensors = Counter((t, m.layer) for m in matrices for t in m.tensors)
    tensors.update((t, w.layer) for w in wanted if isinstance(w, Vector) for t in w.tensors)
    stacked = ("wq", "wk", "wv", "wo", "w1", "w2", "w3", "rms_att", "rms_ffn")
    want = {(t, i) for t in stacked for i in range(3)} | {("embedding", 0), ("rms_final", 0)}
    assert tensors == Counter(want)
    scales = [w.of for w in wanted if isinstance(w, RowScales)]
    assert scales == (matrices if name == "int8" else [])


@pytest.mark.parametrize("name", PLAIN_NAMES)
@pytest.mark.parametrize("n_kv_heads", [1, 4])
@pytest.mark.parametrize("tied", [True, False])
def test_ncnn_takes_it(name: str, n_kv_heads: int, tied: bool) -> None:
    shape = ModelShape(64, 160, 2, 4, n_kv_heads, 16, 96, 32, tied=tied)
    net = ncnn.Net()
    assert net.load_param_mem(decoder.build(shape, codec_of(name)).to_param()) == 0
    inputs = {desc.X, desc.COS, desc.SIN, desc.MASK, desc.HEAD_IN}
    assert inputs <= set(net.input_names())


def test_the_head_shares_no_blob_with_the_trunk() -> None:
    layers = parse(decoder.build(SHAPE, codec_of("int8")).to_param())
    start = next(i for i, layer in enumerate(layers) if layer[3] == [desc.HEAD_IN])
    trunk = {blob for layer in layers[:start] for blob in (*layer[2], *layer[3])}
    head = {blob for layer in layers[start:] for blob in (*layer[2], *layer[3])}
    assert not trunk & head


def test_a_shape_of_its_own_heads_is_taken_and_its_rope_told() -> None:
    for interleaved in (True, False):
        rope = Rope(interleaved=interleaved)
        shape = replace(SHAPE, head_dim=24, rope=rope)
        text = decoder.build(shape, codec_of("fp32")).to_param()
        assert ncnn.Net().load_param_mem(text) == 0
        ropes = [params for kind, *_, params in parse(text) if kind == "RotaryEmbed"]
        assert [params["0"] for params in ropes] == [str(int(interleaved))] * 6


def test_another_graph_is_another_version() -> None:
    """Models in use have these texts, and the engine takes no other under the same version."""
    sums = {
        "fp32": "94e987f1347ae023906724162904e28d7716116c3085f0e47b600f7acade924c",
        "int8": "f59d7c35262c0c932858526b372109e5ae1e46e7aab4eb32ad1457b6a05c845f",
        "q8": "b1dfbcf8e3ab4c74190b94aab570cdffaaa31cc2b4c6e0b76df0bfc20efa2bbd",
        "b4": "9603b58918c99947333c346b4138524b5f401eecf8047a269812465fe599ee01",
    }
    assert desc.GRAPH_VERSION == 4
    for name, want in sums.items():
        param = decoder.build(SHAPE, codec_of(name)).to_param()
        assert hashlib.sha256(param.encode()).hexdigest() == want, "raise GRAPH_VERSION"
