"""RoPE's frequencies, tables and pairs, angle by angle."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from convert.rope import RULES, Rope, yarn_attention_factor
from convert.rope_tables import inverse_frequencies, tables


@pytest.mark.parametrize("theta", [10000.0, 500000.0])
def test_frequencies_fall_by_theta(theta: float) -> None:
    got = inverse_frequencies(Rope(theta=theta), 16)
    assert got.dtype == np.float64
    assert got == pytest.approx([theta ** (-2 * pair / 16) for pair in range(8)], rel=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_frequencies(rule: str) -> None:
    rope = Rope(rule, original_context=4096, divisors=(1.0,) * 8)
    assert inverse_frequencies(rope, 16).shape == (8,)


def test_tables_are_exact_far_out() -> None:
    cos, sin = tables(Rope(theta=500000.0), 8, 100_000, 100_002)
    assert cos.shape == sin.shape == (2, 4)
    assert cos.dtype == sin.dtype == np.float32
    for row, position in enumerate((100_000, 100_001)):
        for pair in range(4):
            angle = position / 500000.0 ** (2 * pair / 8)
            assert cos[row, pair] == np.float32(math.cos(angle))
            assert sin[row, pair] == np.float32(math.sin(angle))


def test_the_attention_factor_multiplies_both_tables() -> None:
    cos, sin = tables(Rope(), 8, 3, 9)
    scaled_cos, scaled_sin = tables(Rope(attention_factor=1.5), 8, 3, 9)
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


PLAIN: list[float] = [10000.0 ** (-2 * pair / 32) for pair in range(16)]


def test_linear_slows_every_pair() -> None:
    got = inverse_frequencies(Rope(rule="linear", factor=4.0), 32)
    assert got == pytest.approx([f / 4 for f in PLAIN], rel=1e-12)


def test_divisors_slow_each_pair_by_its_own() -> None:
    divisors = tuple(1.0 + pair / 3 for pair in range(16))
    got = inverse_frequencies(Rope(rule="divisors", divisors=divisors), 32)
    assert got == pytest.approx([f / d for f, d in zip(PLAIN, divisors, strict=True)], rel=1e-12)


def llama3(f: float, factor: float, low: float, high: float, original: int) -> float:
    """As Llama 3.1's reference code tells long wavelengths from short ones."""
    wavelength = 2 * math.pi / f
    if wavelength < original / high:
        return f
    if wavelength > original / low:
        return f / factor
    smooth = (original / wavelength - low) / (high - low)
    return (1 - smooth) * f / factor + smooth * f


def test_llama3_slows_the_long_wavelengths() -> None:
    rope = Rope("llama3", factor=8.0, original_context=300, low_freq_factor=1.5)
    want = [llama3(f, 8.0, 1.5, 4.0, 300) for f in PLAIN]
    kinds = {round(f / w, 6) for f, w in zip(PLAIN, want, strict=True)}
    assert {1.0, 8.0} < kinds  # kept, slowed, and between
    assert inverse_frequencies(rope, 32) == pytest.approx(want, rel=1e-12)


def yarn(pair: int, factor: float, original: int, fast: float, slow: float, whole: bool) -> float:
    """YaRN's ramp over the pairs between those that turn ``fast`` and ``slow`` times."""

    def turning(times: float) -> float:  # theta ** (2 pair / dim) = original / (2 pi times)
        return 16 * math.log(original / (2 * math.pi * times), 10000.0)

    first, last = turning(fast), turning(slow)
    if whole:
        first, last = math.floor(first), math.ceil(last)
    ramp: float = min(1.0, max(0.0, (pair - max(first, 0)) / (last - max(first, 0))))
    f = PLAIN[pair]
    return f * ((1 - ramp) + ramp / factor)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("fast", "slow"), [(32.0, 1.0), (8.0, 2.0)])
@pytest.mark.parametrize("original", [64, 4096])
def test_yarn_slows_what_turns_seldom(whole: bool, fast: float, slow: float, original: int) -> None:
    rope = Rope("yarn", factor=4.0, original_context=original, truncate=whole)
    rope = replace(rope, beta_fast=fast, beta_slow=slow)
    want = [yarn(pair, 4.0, original, fast, slow, whole) for pair in range(16)]
    assert inverse_frequencies(rope, 32) == pytest.approx(want, rel=1e-12)


def test_yarn_makes_attention_sharper() -> None:
    assert yarn_attention_factor(4.0) == pytest.approx(1.138629436, rel=1e-9)
    assert yarn_attention_factor(40.0, 0.707) == pytest.approx(1.260803777, rel=1e-9)
    assert yarn_attention_factor(1.0) == yarn_attention_factor(0.5) == 1.0


def test_dynamic_is_fixed_at_a_length() -> None:
    rope = Rope("dynamic", factor=2.0, original_context=1000)
    assert inverse_frequencies(rope, 32) == pytest.approx(PLAIN, rel=1e-12)
    for n in (1, 999, 1000):
        assert rope.at_context(32, n).theta == 10000.0
    longer = rope.at_context(32, 3000)
    assert longer.theta == pytest.approx(10000.0 * (2 * 3 - 1) ** (32 / 30), rel=1e-12)
    assert inverse_frequencies(longer, 32)[1] == pytest.approx(longer.theta ** (-1 / 16), rel=1e-12)
    assert inverse_frequencies(rope.at_context(2, 3000), 2).tolist() == [1.0]  # no theta in it
    for other in (Rope(), Rope("linear", factor=3.0)):
        assert other.at_context(32, 3000) == other


@pytest.mark.parametrize(
    ("rope", "word"),
    [
        (Rope("linear", factor=0.5), "rope.factor is 0.5"),
        (Rope("llama3", factor=float("nan"), original_context=8), "rope.factor is nan"),
        (Rope("dynamic", factor=2.0), "rope.original_context is 0"),
        (Rope("llama3", original_context=8, low_freq_factor=4.0), "4.0 and 4.0"),
        (Rope("yarn", original_context=8, beta_slow=0.0), "0.0 and 32.0"),
        (Rope("divisors", divisors=(1.0,) * 15), "rope.divisors are 15, of pairs there are 16"),
        (Rope("divisors", divisors=(1.0,) * 15 + (0.0,)), "rope.divisors are out of range"),
    ],
)
def test_what_a_rule_cannot_use_is_told(rope: Rope, word: str) -> None:
    [problem] = rope.problems(32)
    assert word in problem


def test_what_a_rule_does_not_use_is_no_problem() -> None:
    assert Rope(factor=-1.0, beta_slow=-1.0, divisors=(0.0,)).problems(32) == []
