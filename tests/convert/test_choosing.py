"""Which format a model gets where nobody chose, and which of its matrices keep 8 bits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from convert.choosing import choose_format, default_weights, format_of_floats
from convert.formats.mixture import format_matrices
from convert.known_shapes import SHAPES as MADE_UP
from convert.shape import ModelShape
from convert.sources import open_source
from llama2ncnn_chat.catalogue.good_models import GOOD_MODELS
from tests.gguf_writer import F32, Q4_0, Q8_0, gguf_bytes, tensors_of, values_of
from tests.tiny_model import TinyConfig, random_weights, tiny_config
from tests.weights_source import shape_of

PUBLISHED_BILLIONS = {
    **{"SmolLM2-135M-Instruct": 0.135, "SmolLM2-1.7B-Instruct": 1.7},
    **{"SmolLM3-3B": 3.1, "Mistral-7B-Instruct-v0.3": 7.2},
}
SHAPES = {model.name: model.shape for model in GOOD_MODELS}


@pytest.mark.parametrize(("name", "billions"), PUBLISHED_BILLIONS.items())
def test_floats_go_by_the_number_of_weights(name: str, billions: float) -> None:
    for bits in (16, 32):
        assert default_weights(SHAPES[name], bits) == ("q8" if billions < 3 else "q4")


def test_three_billion_are_many() -> None:
    shape = replace(SHAPES["SmolLM3-3B"], hidden_dim=1, dim=1, n_layers=1, n_heads=1, n_kv_heads=1)
    few = replace(shape, head_dim=1, vocab_size=3_000_000_000 - 10)
    assert few.n_parameters == 2_999_999_990 + 3 + 7
    assert default_weights(few) == "q4"
    assert default_weights(replace(few, vocab_size=few.vocab_size - 1)) == "q8"


@pytest.mark.parametrize(
    ("bits", "weights"), [(2, "q4"), (4, "q4"), (5, "q8"), (6, "q8"), (8, "q8")]
)
@pytest.mark.parametrize("name", ["SmolLM2-135M-Instruct", "Mistral-7B-Instruct-v0.3"])
def test_what_is_quantised_goes_by_its_bits(name: str, bits: int, weights: str) -> None:
    assert default_weights(SHAPES[name], bits) == weights


FINE = {
    # wv, the first two w2 and the classifier, each where it is no more than a 40th of all.
    "Mistral-7B-Instruct-v0.3": "classifier:0;w2:0-1;wv:0-31",
    "TinyLlama-1.1B-Chat-v1.0": "w2:0-1;wv:0-21",
    # A classifier that is the embedding as well: without it in 8 bits, there'd be a second table.
    "SmolLM2-135M-Instruct": "embedding:0;w2:0-1;wv:0-29",
    "SmolLM2-360M-Instruct": "embedding:0;w2:0-1",
}


@pytest.mark.parametrize(("name", "fine"), FINE.items())
def test_some_matrices_keep_8_bits_in_q4_alone(name: str, fine: str) -> None:
    assert format_matrices(format_of_floats(SHAPES[name], "q4").eight_bits) == fine
    for other in ("q8", "int8", "b4"):
        assert format_of_floats(SHAPES[name], other).eight_bits == frozenset()


def bits_of(shape: ModelShape) -> float:
    """Bits of a weight that a step reads: 5, and 8.5 of those that are named."""
    kept = format_of_floats(shape, "q4").eight_bits
    sizes = {
        **{"wq": shape.dim * shape.q_dim, "wo": shape.dim * shape.q_dim},
        **dict.fromkeys(("wk", "wv"), shape.dim * shape.kv_dim),
        **dict.fromkeys(("w1", "w2", "w3"), shape.dim * shape.hidden_dim),
    }
    total = shape.n_layers * sum(sizes.values()) + shape.vocab_size * shape.dim
    last = shape.vocab_size * shape.dim
    return 5 + 3.5 * sum(sizes.get(name, last) for name, _ in kept) / total


def test_large_models_read_few_bits_more_and_tiny_ones_none() -> None:
    large = (MADE_UP["7b"], MADE_UP["1.1b"], SHAPES["Mistral-7B-Instruct-v0.3"])
    assert all(5.1 < bits_of(shape) < 5.2 for shape in large)
    demo = ModelShape(192, 512, 5, 6, 2, 32, 2048, 1024, tied=True)
    stories260k = ModelShape(64, 172, 5, 8, 4, 8, 512, 512, tied=True)
    assert bits_of(demo) == bits_of(stories260k) == 5


THIN = tiny_config(n_heads=4, n_kv_heads=1)
"""Its wv is a 43rd of it."""


def chosen(tmp_path: Path, kind: int, classifier: int, weights: str | None) -> tuple[str, str]:
    c: TinyConfig = THIN
    w = random_weights(c, 0)
    tensors = tensors_of(c, w, kind)
    fine = {tensor.name: tensor for tensor in tensors_of(c, w, classifier)}
    named = [fine[t.name] if t.name == "token_embd.weight" else t for t in tensors]
    (tmp_path / "m").write_bytes(gguf_bytes(values_of(c), named))
    with open_source(tmp_path / "m") as source:
        codec = choose_format(source, weights, None)
        return codec.name, format_matrices(codec.eight_bits)


def test_what_4_bits_hold_as_it_stands_stays_in_them(tmp_path: Path) -> None:
    assert format_matrices(format_of_floats(shape_of(THIN), "q4").eight_bits) == "wv:0-1"
    assert chosen(tmp_path, F32, F32, "q4") == ("q4", "wv:0-1")
    assert chosen(tmp_path, Q4_0, Q4_0, None) == ("q4", "")


def test_what_its_maker_gave_more_bits_among_4_gets_8(tmp_path: Path) -> None:
    assert chosen(tmp_path, Q4_0, Q8_0, None) == ("q4", "embedding:0")
    assert chosen(tmp_path, Q8_0, Q8_0, "q4") == ("q4", "wv:0-1")
    assert chosen(tmp_path, F32, Q8_0, "q4") == ("q4", "wv:0-1")
