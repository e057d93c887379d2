"""RoPE's frequencies, tables and pairs, angle by angle."""

from __future__ import annotations

import math

import numpy as np
import pytest

from convert.rope import Rope


@pytest.mark.parametrize("theta", [10000.0, 500000.0])
def test_frequencies_fall_by_theta(theta: float) -> None:
    got = Rope(theta=theta).inverse_frequencies(16)
    assert got.dtype == np.float64
    assert got == pytest.approx([theta ** (-2 * pair / 16) for pair in range(8)], rel=1e-12)


def test_tables_are_exact_far_out() -> None:
    cos, sin = Rope(theta=500000.0).tables(8, 100_000, 100_002)
    assert cos.shape == sin.shape == (2, 4)
    assert cos.dtype == sin.dtype == np.float32
    for row, position in enumerate((100_000, 100_001)):
        for pair in range(4):
            angle = position / 500000.0 ** (2 * pair / 8)
            assert cos[row, pair] == np.float32(math.cos(angle))
            assert sin[row, pair] == np.float32(math.sin(angle))


def test_the_attention_factor_multiplies_both_tables() -> None:
    cos, sin = Rope().tables(8, 3, 9)
    scaled_cos, scaled_sin = Rope(attention_factor=1.5).tables(8, 3, 9)
    np.testing.assert_allclose(scaled_cos, 1.5 * cos, rtol=1e-6)
    np.testing.assert_allclose(scaled_sin, 1.5 * sin, rtol=1e-6)


def test_pairs_are_neighbours_or_halves() -> None:
    head = np.arange(8)
    for rope, want in (
        (Rope(), ([0, 2, 4, 6], [1, 3, 5, 7])),
        (Rope(interleaved=False), ([0, 1, 2, 3], [4, 5, 6, 7])),
    ):
        first, second = rope.pairs(8)
        assert (head[first].tolist(), head[second].tolist()) == want
