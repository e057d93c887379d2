"""Fused models: the graph's text, where everything stands, and what an engine without kernels gets.

What the weights mean is computed by the float64 decoder of ``tests.tiny_model``.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from convert import decoder, desc
from convert.desc import ModelDesc, format_desc, parse_desc, read_desc
from convert.errors import ConvertError
from convert.formats import codec_of
from convert.formats.codec import Codec
from convert.formats.panels import decode
from convert.graph import Panels, Vector
from convert.pipeline import bin_bytes, convert_tensors, memory_bytes
from convert.places import Place, places, places_of
from convert.plain_weights import plain_graph, plain_size, plain_weights
from convert.shape import ModelShape
from convert.stem import file_of
from tests.convert.tables import embedding_of
from tests.convert.test_logits import IDS, logits_of, relative_error
from tests.tiny_model import TinyConfig, Weights, forward, random_weights, tiny_config
from tests.weights_source import WeightsSource, shape_of

EVERYTHING = {"qkv_bias": True, "o_bias": True, "mlp_bias": True, "qk_norm": True}
ODD = tiny_config(
    dim=44, hidden_dim=101, n_heads=2, n_kv_heads=1, head_dim=18, vocab_size=91, tied=False,
    **EVERYTHING,
)  # fmt: skip
CONFIGS = [tiny_config(), tiny_config(tied=False, qkv_bias=True), ODD]
MIXED = frozenset({("w2", 1), ("wv", 0)})
CODECS = [codec_of("q8"), codec_of("q4"), codec_of("q4", eight_bits=MIXED)]

TEXT = """\
7767517
7 7
Input x 0 1 x
Input cos 0 1 cos
Input sin 0 1 sin
Decoder decoder 3 1 x cos sin decoder
Noop hidden 1 1 decoder hidden
Input head_in 0 1 head_in
NormLogits logits 1 1 head_in logits
"""


def test_the_graph_is_this_text() -> None:
    shape = shape_of(tiny_config(n_layers=1, qk_norm=True))
    text = decoder.build(shape, codec_of("q8")).to_param()
    lines = TEXT.splitlines()
    assert text.splitlines()[2:] == lines[2:]
    assert text.splitlines()[1] == f"{len(lines) - 2} {sum(int(x.split()[3]) for x in lines[2:])}"


def test_our_layers_want_these_weights_in_this_order() -> None:
    graph = decoder.build(shape_of(ODD), CODECS[2])
    by_name = {layer.name: layer.mapped for layer in graph.layers if layer.mapped}
    of_layer = len(by_name["decoder"]) // ODD.n_layers
    assert by_name["decoder"][of_layer : 2 * of_layer] == (
        Vector(("rms_att",), 1, 44),
        *(Panels("wq", 1, 36, 44, 4), Vector(("bq",), 1, 36)),
        *(Panels("wk", 1, 18, 44, 4), Vector(("bk",), 1, 18)),
        *(Panels("wv", 1, 18, 44, 4), Vector(("bv",), 1, 18)),
        *(Vector(("q_norm",), 1, 18), Vector(("k_norm",), 1, 18)),
        *(Panels("wo", 1, 44, 36, 4), Vector(("bo",), 1, 44), Vector(("rms_ffn",), 1, 44)),
        *(Panels("w1", 1, 101, 44, 4), Vector(("b1",), 1, 101)),
        *(Panels("w3", 1, 101, 44, 4), Vector(("b3",), 1, 101)),
        *(Panels("w2", 1, 44, 101, 8), Vector(("b2",), 1, 44)),
    )
    assert by_name["logits"] == (
        *(Vector(("rms_final",), 0, 44), Panels("classifier", 0, 91, 44, 4)),
    )
    assert not any(layer.weights for layer in graph.layers)


def made(stem: Path, c: TinyConfig, w: Weights, name: str = "q8", eight: str = "") -> ModelDesc:
    codec = codec_of(name, eight_bits=frozenset(MIXED if eight else ()))
    return convert_tensors(WeightsSource(shape_of(c), w), stem, codec)


@pytest.mark.parametrize("c", CONFIGS)
@pytest.mark.parametrize("codec", CODECS, ids=["q8", "q4", "mixed"])
def test_everything_stands_where_the_plan_says(tmp_path: Path, c: TinyConfig, codec: Codec) -> None:
    w = random_weights(c, 3)
    d = convert_tensors(WeightsSource(shape_of(c), w), tmp_path / "m", codec)
    raw = np.fromfile(file_of(tmp_path / "m", ".bin"), np.uint8)
    plan = places_of(read_desc(tmp_path / "m"))
    assert plan == places(d.shape, codec)
    assert plan.size == raw.size == d.bin_size == bin_bytes(d.shape, codec)
    assert plan.loaded == d.weights_size == 0
    ends = sorted((p.offset, p.offset + p.size) for p in plan.of.values())
    assert all(stop <= start for (_, stop), (start, _) in pairwise(ends))
    n_matrices = 0
    for (name, layer), place in plan.of.items():
        want = w[name].reshape(-1, *w[name].shape[-1:]) if w[name].ndim < 3 else w[name][layer]
        if isinstance(place.weights, Vector):
            got = raw[place.offset :][: place.size].view(np.float32)
            np.testing.assert_array_equal(got, want[layer if len(want) > layer else 0])
            continue
        n_matrices += 1
        assert place.offset % 64 == 0
        assert place.weights.bits == codec.of(name, layer).bits
        error = relative_error(matrix(raw, place), want)
        assert error < (0.006 if place.weights.bits == 8 else 0.08)
    assert n_matrices == 2 * 7 + 1
    table, shared = embedding_of(tmp_path / "m", d), c.tied and codec.bits == 8
    if shared:  # nothing stands behind the classifier
        assert plan.embedding == plan.of["embedding", 0].offset == max(ends)[0]
        assert relative_error(table, w["embedding"]) < 0.006
    else:
        np.testing.assert_array_equal(table, w["embedding"].astype(np.float16))
    mapped = [p for p in plan.of.values() if p.offset >= plan.loaded]
    assert memory_bytes(d.shape, codec) == plan.loaded + sum(p.size for p in mapped)


def matrix(raw: npt.NDArray[np.uint8], place: Place) -> npt.NDArray[np.float32]:
    m = place.weights
    assert isinstance(m, Panels)
    return decode(raw[place.offset : place.offset + place.size], m.rows, m.cols, m.bits)


def decoded(stem: Path, d: ModelDesc, w: Weights) -> Weights:
    """The weights of a fused model as its file has them, gains and biases from ``w``."""
    raw, out = np.fromfile(file_of(stem, ".bin"), np.uint8), dict(w)
    for name in ("wq", "wk", "wv", "wo", "w1", "w2", "w3"):
        plan = places_of(d)
        out[name] = np.stack([matrix(raw, plan.of[name, i]) for i in range(d.shape.n_layers)])
    # The tokens may be looked up in another table than a tied classifier is.
    out["classifier"] = matrix(raw, plan.of["embedding" if d.shape.tied else "classifier", 0])
    return out | {"embedding": embedding_of(stem, d)}


@pytest.mark.parametrize("c", CONFIGS)
@pytest.mark.parametrize("name", ["q8", "q4"])
def test_an_engine_without_kernels_computes_the_same(
    tmp_path: Path, c: TinyConfig, name: str
) -> None:
    w = random_weights(c, 3)
    stem = tmp_path / "m"
    d = made(stem, c, w, name, "mixed" if name == "q4" else "")
    want = forward(replace(c, tied=False), decoded(stem, d, w), IDS)
    raw = np.fromfile(file_of(stem, ".bin"), np.uint8)
    pieces = list(plain_weights(d, lambda at, n: raw[at : at + n]))
    assert sum(piece.nbytes for piece in pieces) == plain_size(d)
    assert relative_error(logits_of(as_plain(tmp_path, d, pieces, raw), IDS), want) < 3e-2


def as_plain(
    folder: Path, d: ModelDesc, pieces: list[memoryview], raw: npt.NDArray[np.uint8]
) -> Path:
    """A plain model of what an engine without kernels reads."""
    stem, param = folder / "plain", plain_graph(d).to_param().encode()
    table = embedding_of(folder / "m", d).tobytes()
    body = b"".join(pieces)
    body += bytes(-len(body) % 64)
    file_of(stem, ".bin").write_bytes(body + table)
    file_of(stem, ".param").write_bytes(param)
    d = replace(d, param_size=len(param), bin_size=len(body) + len(table))
    plain = replace(d, weights="b8", block=32, embedding_offset=len(body), eight_bits="")
    plain = replace(plain, embedding_dtype="float32")
    file_of(stem, ".desc").write_text(format_desc(plain))
    return stem


def test_eight_bits_come_out_of_the_panels_as_they_went_in(tmp_path: Path) -> None:
    c = tiny_config(n_layers=1)
    w = random_weights(c, 4)
    d = made(tmp_path / "m", c, w)
    raw = np.fromfile(file_of(tmp_path / "m", ".bin"), np.uint8)
    values = matrix(raw, places_of(d).of["wo", 0])
    body = b"".join(plain_weights(d, lambda at, n: raw[at : at + n]))
    steps = np.abs(values.reshape(64, 2, 32)).max(axis=2)
    whole = np.rint(values.reshape(64, 2, 32) / steps[..., None] * 127).astype(np.int8)
    assert whole.tobytes() in body


@pytest.mark.parametrize("eight", ["w2:2", "w9:0", "rms_att:0", "w2:0,1", "classifier:0", "w2"])
def test_a_mixture_that_cannot_be_is_refused(tmp_path: Path, eight: str) -> None:
    c = tiny_config()
    d = made(tmp_path / "m", c, random_weights(c, 0), "q4")
    with pytest.raises(ConvertError, match="aren't known"):
        places_of(replace(d, eight_bits=eight))


def test_numbers_that_are_not_the_plans_are_refused(tmp_path: Path) -> None:
    c = tiny_config()
    d = made(tmp_path / "m", c, random_weights(c, 0))
    for name, lie in (
        ("weights_size", replace(d, weights_size=64)),
        ("embedding_offset", replace(d, embedding_offset=d.embedding_offset + 64)),
        ("embedding_dtype", replace(d, embedding_dtype="float16")),
        ("bin_size", replace(d, bin_size=d.bin_size + 64)),
    ):
        with pytest.raises(ConvertError, match=name):
            places_of(lie)


def test_the_description_has_the_mixture(tmp_path: Path) -> None:
    c = tiny_config()
    d = made(tmp_path / "m", c, random_weights(c, 0), "q4", "mixed")
    assert (d.weights, d.block, d.eight_bits) == ("q4", 32, "w2:1;wv:0")
    assert parse_desc(format_desc(d), "x") == d
    assert decoder.codec_of_model(d).of("w2", 1).bits == 8
    with pytest.raises(ConvertError, match="aren't known"):
        decoder.codec_of_model(replace(d, block=64))


FIRST = ModelShape(64, 160, 2, 4, 2, 16, 96, 32, tied=True)


@pytest.mark.parametrize("old", ["q8", "q6", "q4"])
def test_blocks_of_the_first_graph_have_other_names_now(old: str) -> None:
    codec = codec_of(old.replace("q", "b"), 64)
    plan = places(FIRST, codec)
    now = ModelDesc(
        *(FIRST, desc.GRAPH_VERSION, codec.name, 64, "", "float16", plan.embedding, plan.loaded),
        *(3933, plan.size, "ab" * 32, "cd" * 32, "", "llama2ncnn-convert 1", "llama2"),
    )
    text = format_desc(replace(now, weights=old, graph_version=1))
    assert "eight_bits" not in text
    assert parse_desc(text, "x") == now
    assert places_of(now).size == now.bin_size
