"""The search for steps and offsets, against every range there is and against the plain ends."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from convert.formats.codec import QuantisedRows
from convert.formats.searching import eight_bit_blocks, four_bit_blocks
from tests.convert.formats.encoding import normal

Floats = npt.NDArray[np.float32]


def weights_of(q: QuantisedRows, cols: int) -> Floats:
    every = np.arange(cols) // 32
    w = q.values * q.steps[:, every]
    return w if q.offsets is None else w + q.offsets[:, every]


def exhaustive(block: Floats, count: Floats) -> float:
    """The least weighted squared error that any of 3,600 ranges and its own best line give."""
    best = np.inf
    for low in np.linspace(0.5, 1.1, 60) * block.min():
        for high in np.linspace(0.5, 1.1, 60) * block.max():
            q = np.clip(np.rint((block - low) / (high - low) * 15), 0, 15)
            line = np.stack([q, np.ones(32)], axis=1) * np.sqrt(count)[:, None]
            error = np.linalg.lstsq(line, block * np.sqrt(count), rcond=None)[1]
            best = min(best, float(error[0]) if error.size else np.inf)
    return best


def test_the_search_comes_near_the_best_of_all_ranges() -> None:
    w = normal(6, 32, 5)
    counts = np.abs(normal(1, 32, 6)[0]) + np.float32(0.1)
    for count in (np.ones(32, np.float32), counts):
        got = weights_of(four_bit_blocks(w, count), 32)
        mine = ((got - w) ** 2 * count).sum(axis=1)
        best = np.array([exhaustive(row, count) for row in w])
        assert mine.sum() < 1.12 * best.sum()


def test_it_beats_the_ends_of_the_range_by_a_seventh() -> None:
    w = normal(64, 256, 7)
    grouped = w.reshape(64, 8, 32)
    low, high = grouped.min(axis=2, keepdims=True), grouped.max(axis=2, keepdims=True)
    ends = np.rint((grouped - low) / (high - low) * 15) / 15 * (high - low) + low
    error = ((weights_of(four_bit_blocks(w), 256) - w) ** 2).sum()
    assert error < 6 / 7 * ((ends - grouped) ** 2).sum()


def test_columns_that_count_more_are_kept_better() -> None:
    w = normal(64, 64, 8)
    counts = np.ones(64, np.float32)
    counts[5] = 50
    error = [np.abs(weights_of(four_bit_blocks(w, x), 64) - w).mean(axis=0) for x in (None, counts)]
    assert error[1][5] < 0.5 * error[0][5]
    assert error[1].mean() < 1.3 * error[0].mean()
    np.testing.assert_allclose(error[1][32:], error[0][32:], rtol=0.1)


def test_steps_and_offsets_are_halves_and_values_the_nearest_to_them() -> None:
    w = normal(40, 96, 9)
    for q in (eight_bit_blocks(w), four_bit_blocks(w)):
        offsets = np.zeros_like(q.steps) if q.offsets is None else q.offsets
        for scale in (q.steps, offsets):
            np.testing.assert_array_equal(scale, scale.astype(np.float16))
        step, offset = (np.repeat(x, 32, axis=1) for x in (q.steps, offsets))
        ends = (-127, 127) if q.offsets is None else (0, 15)
        np.testing.assert_array_equal(q.values, np.clip(np.rint((w - offset) / step), *ends))


def test_rows_are_quantised_each_by_itself() -> None:
    w = normal(5000, 32, 10)  # more blocks than are searched at once
    counts = np.abs(normal(1, 32)[0])
    whole = weights_of(four_bit_blocks(w, counts), 32)
    for start in (0, 2040, 4999):
        part = weights_of(four_bit_blocks(w[start : start + 9], counts), 32)
        np.testing.assert_array_equal(part, whole[start : start + 9])
