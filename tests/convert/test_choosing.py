"""Which format a model gets where nobody chose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convert.choosing import default_weights
from llama2ncnn_chat.catalogue.good_models import GOOD_MODELS

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
    ("bits", "weights"), [(2, "q4"), (4, "q4"), (5, "q4"), (6, "q8"), (8, "q8")]
)
@pytest.mark.parametrize("name", ["SmolLM2-135M-Instruct", "Mistral-7B-Instruct-v0.3"])
def test_what_is_quantised_goes_by_its_bits(name: str, bits: int, weights: str) -> None:
    assert default_weights(SHAPES[name], bits) == weights
