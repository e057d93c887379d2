"""What a shape counts, and what no decoder can have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convert.rope import Rope
from convert.shape import LIMITS, ModelShape

SHAPE = ModelShape(64, 160, 2, 4, 2, 16, 96, 32, tied=True)
FREE = replace(SHAPE, head_dim=24, tied=False)  # 4 heads of 24 beside a dim of 64


def test_heads_are_free_of_dim() -> None:
    assert (FREE.q_dim, FREE.kv_dim) == (96, 48)
    sizes = {name: (t.layers, t.rows, t.cols) for name, t in FREE.tensors.items()}
    assert sizes["wq"] == (2, 96, 64)
    assert sizes["wk"] == sizes["wv"] == (2, 48, 64)
    assert sizes["wo"] == (2, 64, 96)
    per_layer = 96 * 64 + 2 * 48 * 64 + 64 * 96 + 3 * 160 * 64 + 2 * 64
    assert FREE.n_parameters == 2 * per_layer + 64 + 2 * 96 * 64
    assert FREE.cache_bytes(10, 4) == 10 * 2 * 2 * 48 * 4  # layers, keys and values, float32


def test_biases_and_norms_of_heads_are_tensors_where_there_are_any() -> None:
    names = {
        "qkv_bias": {"bq": 96, "bk": 48, "bv": 48},
        "o_bias": {"bo": 64},
        "mlp_bias": {"b1": 160, "b2": 64, "b3": 160},
        "qk_norm": {"q_norm": 24, "k_norm": 24},
    }
    for field, want in names.items():
        shape = replace(FREE, **{field: True})  # type: ignore[arg-type]
        more = {name: shape.tensors[name] for name in shape.tensors.keys() - FREE.tensors.keys()}
        assert {name: t.cols for name, t in more.items()} == want
        assert all((t.rows, t.layers) == (1, 2) for t in more.values())
        assert shape.n_parameters == FREE.n_parameters + 2 * sum(want.values())


def test_every_nth_layer_does_not_turn() -> None:
    assert all(SHAPE.turns(layer) for layer in range(9))
    shape = replace(SHAPE, no_rope_interval=4)
    assert [layer for layer in range(9) if not shape.turns(layer)] == [3, 7]


def test_sound_shapes_have_no_problems() -> None:
    for shape in (SHAPE, FREE, replace(SHAPE, n_kv_heads=4)):
        assert shape.problems() == []


@pytest.mark.parametrize("name", list(LIMITS))
@pytest.mark.parametrize("value", [0, -1, 1 << 25])
def test_every_number_has_its_range(name: str, value: int) -> None:
    [problem] = replace(SHAPE, **{name: value}).problems()  # type: ignore[arg-type]
    assert problem == f"{name} is {value}, outside 1..{LIMITS[name]}"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"n_kv_heads": 3}, "n_heads 4 isn't a multiple of n_kv_heads 3"),
        ({"n_kv_heads": 8}, "n_heads 4 isn't a multiple of n_kv_heads 8"),
        ({"head_dim": 15}, "head_dim 15 is odd"),
        ({"norm_eps": 0.0}, "norm_eps is 0"),
        ({"norm_eps": float("nan")}, "norm_eps is nan"),
        ({"window": -1}, "window is -1"),
        ({"no_rope_interval": -4}, "no_rope_interval is -4"),
        ({"rope": Rope(theta=1.0)}, "rope.theta is 1"),
        ({"rope": Rope(theta=float("nan"))}, "rope.theta is nan"),
        ({"rope": Rope(rule="spiral")}, "rope.rule 'spiral'"),
        ({"rope": Rope(attention_factor=-1.0)}, "rope.attention_factor is -1"),
    ],
)
def test_what_no_decoder_can_have_is_told(change: dict[str, object], word: str) -> None:
    [problem] = replace(SHAPE, **change).problems()  # type: ignore[arg-type]
    assert word in problem
