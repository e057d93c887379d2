"""Cached keys move to other positions, in both orders of pairs."""

from __future__ import annotations

import numpy as np
import pytest

from convert.rope import Rope
from llama2ncnn_chat.model.kv_cache import rotate


@pytest.mark.parametrize("interleaved", [True, False])
@pytest.mark.parametrize("by", [-7, 0, 5])
def test_a_rotated_key_is_that_of_the_new_position(interleaved: bool, by: int) -> None:
    head_dim, theta, position = 12, 500.0, 20
    keys = np.random.default_rng(0).standard_normal((2, 3, head_dim))
    first = list(range(0, head_dim, 2)) if interleaved else list(range(head_dim // 2))
    second = [i + 1 for i in first] if interleaved else [i + head_dim // 2 for i in first]

    def at(position: int) -> np.ndarray:
        """The keys as a prefill at that position has them, pair by pair."""
        out = np.empty_like(keys)
        for pair, (a, b) in enumerate(zip(first, second, strict=True)):
            angle = position / theta ** (2 * pair / head_dim)
            turned = (keys[..., a] + 1j * keys[..., b]) * np.exp(1j * angle)
            out[..., a], out[..., b] = turned.real, turned.imag
        return out

    rope = Rope(theta=theta, interleaved=interleaved, attention_factor=1.5)
    got = rotate(1.5 * at(position).astype(np.float32), by, rope)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, 1.5 * at(position + by), rtol=1e-5, atol=1e-5)
