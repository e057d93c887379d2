"""Every sampler against a slow, obvious reading of what it promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llama2ncnn_chat.errors import ChatError, UsageError
from llama2ncnn_chat.generation.sampling import candidates, make_sampler
from llama2ncnn_chat.generation.settings import GREEDY, Sampling

OFF = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def slow_candidates(logits: np.ndarray, s: Sampling) -> dict[int, float]:
    """The filters one after another over all tokens, as llama.cpp describes them."""
    order = sorted(range(len(logits)), key=lambda i: (-float(logits[i]), i))
    if s.top_k:
        order = order[: s.top_k]
    p = np.array([np.exp(float(logits[i]) - float(logits[order[0]])) for i in order])
    p /= p.sum()
    n, mass = 0, 0.0
    while n < len(order) and (n == 0 or mass < s.top_p or s.top_p == 1):
        mass += p[n]
        n += 1
    order, p = order[:n], p[:n]
    keep = [i for i in range(n) if i == 0 or p[i] >= s.min_p * p[0]]
    order, p = [order[i] for i in keep], p[keep]
    hot = p ** (1 / s.temperature)
    return dict(zip(order, hot / hot.sum(), strict=True))


@given(
    seed=st.integers(0, 10**6),
    size=st.integers(2, 400),
    spread=st.sampled_from([0.01, 1.0, 4.0, 30.0]),
    temperature=st.sampled_from([0.3, 0.8, 1.0, 2.5]),
    top_k=st.sampled_from([0, 2, 7, 40, 1000]),
    top_p=st.sampled_from([0.0, 0.1, 0.9, 0.95, 1.0]),
    min_p=st.sampled_from([0.0, 0.05, 0.5, 1.0]),
)
@settings(max_examples=300)
def test_the_filters_keep_what_the_slow_reading_keeps(
    seed: int, size: int, spread: float, temperature: float, top_k: int, top_p: float, min_p: float
) -> None:
    logits = (rng(seed).standard_normal(size) * spread).astype(np.float32)
    s = Sampling(temperature, top_k, top_p, min_p)
    want = slow_candidates(logits, s)
    ids, probabilities = candidates(logits, s)
    got = dict(zip(map(int, ids), map(float, probabilities), strict=True))
    # A sum that lands within rounding of top_p may keep one token more or less.
    assert len(got.keys() ^ want.keys()) <= (1 if 0 < top_p < 1 else 0)
    if got.keys() == want.keys():
        assert got == pytest.approx(want, rel=1e-5, abs=1e-12)


def test_ties_go_to_the_lowest_id() -> None:
    logits = np.zeros(50, np.float32)
    ids, probabilities = candidates(logits, Sampling(1.0, 5, 1.0, 0.0))
    assert list(ids) == [0, 1, 2, 3, 4]
    assert probabilities == pytest.approx([0.2] * 5)


def test_greedy_takes_the_largest_and_never_draws() -> None:
    generator = rng()
    before = generator.bit_generator.state
    sampler = make_sampler(GREEDY, generator)
    logits = rng(1).standard_normal(1000).astype(np.float32)
    assert sampler(logits, []) == int(np.argmax(logits))
    assert generator.bit_generator.state == before


def test_frequencies_are_the_probabilities() -> None:
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
    sampler = make_sampler(OFF, rng())
    n = 20000
    counts = np.bincount([sampler(logits, []) for _ in range(n)], minlength=4)
    # Chi-squared with 3 degrees of freedom: 16.3 is passed once in a thousand.
    expected = n * np.array([0.5, 0.3, 0.15, 0.05])
    assert ((counts - expected) ** 2 / expected).sum() < 16.3


def test_the_same_seed_gives_the_same_ids() -> None:
    rows = rng(3).standard_normal((50, 300)).astype(np.float32)
    samplers = [make_sampler(Sampling(), rng(seed)) for seed in (7, 7, 8)]
    first, again, other = ([sample(row, []) for row in rows] for sample in samplers)
    assert first == again
    assert first != other


def test_rounding_noise_does_not_change_what_a_seed_gives() -> None:
    # What another chunking of the prompt does to the logits. Many near ties on purpose.
    rows = np.round(rng(3).standard_normal((300, 300)), 1).astype(np.float32)
    noise = rng(4).standard_normal(rows.shape).astype(np.float32) * np.float32(2e-6)
    settings = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.01)
    a, b = (make_sampler(settings, rng(7)) for _ in range(2))
    assert [a(row, []) for row in rows] == [b(row, []) for row in rows + noise]


def test_penalties_by_hand() -> None:
    logits = np.array([2.0, -2.0, 1.0, 3.0], np.float32)
    greedy = {"temperature": 0.0}
    recent = [3, 3, 0]

    def pick(**penalties: float) -> int:
        return make_sampler(Sampling(**greedy, **penalties), rng())(logits, recent)  # type: ignore[arg-type]

    assert pick() == 3
    assert pick(repeat_penalty=4.0) == 2  # 3 -> 0.75, 0 -> 0.5
    assert pick(repeat_penalty=1.4) == 3  # 3 -> 2.14
    assert pick(presence_penalty=1.5) == 3  # 1.5 and 0.5, against 1.0
    assert pick(frequency_penalty=1.1) == 2  # 3 -> 0.8, 0 -> 0.9
    assert pick(frequency_penalty=1.5) == 2  # 3 -> 0, 0 -> 0.5
    assert pick(repeat_penalty=4.0, penalty_window=1) == 3  # sees the 0 alone
    assert list(logits) == [2.0, -2.0, 1.0, 3.0]


def test_a_repeat_penalty_pushes_negative_logits_down() -> None:
    logits = np.array([-1.0, -1.5], np.float32)
    sampler = make_sampler(Sampling(temperature=0.0, repeat_penalty=2.0), rng())
    assert sampler(logits, [0]) == 1  # -1.0 -> -2.0


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("settings", [GREEDY, Sampling(), OFF])
def test_broken_logits_are_an_error_not_a_token(value: float, settings: Sampling) -> None:
    logits = np.zeros(100, np.float32)
    logits[5] = value
    with pytest.raises(ChatError, match="the model computes"):
        make_sampler(settings, rng())(logits, [])


@pytest.mark.parametrize(
    "bad", [{"temperature": -1.0}, {"top_p": 1.5}, {"top_k": -1}, {"min_p": float("nan")}]
)
def test_settings_out_of_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="out of range"):
        Sampling(**bad)  # type: ignore[arg-type]


def test_next_to_no_temperature_is_greedy_without_a_warning() -> None:
    logits = rng().normal(size=50).astype(np.float32)
    sampler = make_sampler(Sampling(temperature=1e-310), rng())
    with np.errstate(all="raise", under="ignore"):
        assert sampler(logits, []) == int(logits.argmax())
