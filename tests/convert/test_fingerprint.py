"""Models of the same weights that aren't the same model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convert.fingerprint import fingerprint_of
from convert.rope import Rope
from convert.shape import ModelShape
from tests.convert.test_desc import GOOD


def test_a_model_of_llama2c_is_known_by_its_weights_as_before() -> None:
    assert fingerprint_of(GOOD) == GOOD.bin_sha256
    longer = replace(GOOD, shape=replace(GOOD.shape, context_length=64))
    assert fingerprint_of(longer) == GOOD.bin_sha256


SHAPES = {
    "theta": replace(GOOD.shape, rope=Rope(theta=5e5)),
    "the order of pairs": replace(GOOD.shape, rope=Rope(interleaved=False)),
    "a rule": replace(GOOD.shape, rope=Rope("linear", factor=2.0)),
    "its factor": replace(GOOD.shape, rope=Rope("linear", factor=4.0)),
    "a window": replace(GOOD.shape, window=16),
    "layers without RoPE": replace(GOOD.shape, no_rope_interval=2),
    "what a norm adds": replace(GOOD.shape, norm_eps=1e-6),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_what_changes_keys_and_values_makes_another_model(shape: ModelShape) -> None:
    mine = fingerprint_of(replace(GOOD, shape=shape))
    others = [x for x in [GOOD.shape, *SHAPES.values()] if x != shape]
    assert mine not in {fingerprint_of(replace(GOOD, shape=other)) for other in others}
    longer = replace(shape, context_length=64)
    assert fingerprint_of(replace(GOOD, shape=longer)) == mine
