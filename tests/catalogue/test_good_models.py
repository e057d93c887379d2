"""The good first models: their shapes against the numbers of weights that are published."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.format_names import FORMAT_NAMES
from convert.hub.names import parse_name
from docs.good_models import BEGIN, END, table
from llama2ncnn_chat.catalogue.good_models import GOOD_MODELS, GoodModel

PUBLISHED = {  # on each model's page, a shared classifier counted once
    "SmolLM2-135M-Instruct": 134_515_008,
    "SmolLM2-360M-Instruct": 361_821_120,
    "Qwen2.5-0.5B-Instruct": 494_032_768,
    "Qwen3-0.6B": 596_049_920,
    "TinyLlama-1.1B-Chat-v1.0": 1_100_048_384,
    "Qwen2.5-1.5B-Instruct": 1_543_714_304,
    "SmolLM2-1.7B-Instruct": 1_711_376_384,
    "Qwen3-1.7B": 1_720_574_976,
    "SmolLM3-3B": 3_075_098_624,
    "Mistral-7B-Instruct-v0.3": 7_248_023_552,
}


@pytest.mark.parametrize("model", GOOD_MODELS, ids=lambda model: model.name)
def test_the_shape_has_as_many_weights_as_the_model(model: GoodModel) -> None:
    assert model.parameters == PUBLISHED[model.name]
    assert model.shape.problems() == []
    assert str(parse_name(model.model)) == model.model


def test_they_stand_in_order_and_take_about_their_bits() -> None:
    sizes = [model.parameters for model in GOOD_MODELS]
    assert sizes == sorted(sizes)
    # q4 has some matrices in 8 bits: a shared classifier, up to a quarter of a small model.
    bits = {"q8": 8.5, "q4": 5.5, "int8": 8, "b8": 8.5, "b6": 6.5, "b4": 4.5}
    bits |= {"fp16": 32, "fp32": 32}
    assert set(bits) == set(FORMAT_NAMES)
    for model in GOOD_MODELS:
        for weights, n in bits.items():
            in_all = model.memory(weights) * 8 / model.parameters
            untied = 0 if model.shape.tied else model.shape.vocab_size * model.shape.dim
            in_gemms, slack = n * (1 - untied / model.parameters), 0.11 if weights == "q4" else 0.02
            assert in_gemms * (0.99 - slack) < in_all < in_gemms * (1 + slack)


def test_the_page_has_the_table_as_it_is_computed() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0].strip() == table().strip()
