"""Who sees whom, pair by pair."""

from __future__ import annotations

import pytest

from llama2ncnn_chat.model.batches import MASKED, causal_mask


@pytest.mark.parametrize("window", [0, 1, 3, 7, 100])
@pytest.mark.parametrize(("n", "start"), [(1, 0), (5, 0), (1, 6), (4, 3)])
def test_a_token_sees_itself_and_the_nearest_before_it(n: int, start: int, window: int) -> None:
    got = causal_mask(n, start, window)
    assert got.shape == (n, start + n)
    for row in range(n):
        for key in range(start + n):
            back = start + row - key
            sees = back >= 0 and (not window or back < window)
            assert got[row, key] == (0 if sees else MASKED)
