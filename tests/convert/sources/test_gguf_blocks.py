"""Every type of ggml that is read, against the arithmetic of the package ``gguf``."""

from __future__ import annotations

import numpy as np
import pytest
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants

from convert.sources.gguf.blocks import UNREAD, BlockType, block_type

READ = [kind for kind in GGMLQuantizationType if block_type(kind)]


def type_of(kind: int) -> BlockType:
    found = block_type(kind)
    assert found
    return found


def random_blocks(kind: int, n: int = 400) -> np.ndarray:
    """Any bytes at all; some steps are NaN or infinite."""
    size = GGML_QUANT_SIZES[GGMLQuantizationType(kind)][1]
    return np.random.default_rng(kind).integers(0, 256, (n, size), dtype=np.uint8)


def test_the_types_are_those_that_the_issue_names() -> None:
    names = "F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL IQ4_XS"
    assert {kind.name for kind in READ} == set(names.split())


def test_every_other_number_has_its_name() -> None:
    others = {kind.value: kind.name for kind in GGMLQuantizationType if kind not in READ}
    assert {code: UNREAD.get(code) for code in others} == others


@pytest.mark.parametrize("kind", READ, ids=lambda kind: kind.name)
def test_blocks_of_any_bytes(kind: GGMLQuantizationType) -> None:
    own = type_of(kind)
    assert (own.values, own.size) == GGML_QUANT_SIZES[kind]
    assert own.name == kind.name
    raw = random_blocks(kind)
    with np.errstate(over="ignore", invalid="ignore"):
        got, want = own.floats(raw), quants.dequantize(raw, kind)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, want.reshape(got.shape))


@pytest.mark.parametrize("kind", [k for k in READ if type_of(k).steps], ids=lambda kind: kind.name)
def test_integers_and_steps_are_the_same_weights(kind: GGMLQuantizationType) -> None:
    own, raw = type_of(kind), random_blocks(kind)
    assert own.steps
    with np.errstate(over="ignore", invalid="ignore"):
        q, steps = own.steps(raw)
        product = q.reshape(-1, 32).astype(np.float32) * steps.reshape(-1, 1)
        want = quants.dequantize(raw, kind)
    np.testing.assert_array_equal(product, want.reshape(product.shape))
    assert q.dtype == np.int8
    bound = 1 << (own.bits_of_steps - 1)
    assert -bound <= q.min()
    assert q.max() < bound
