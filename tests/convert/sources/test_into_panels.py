"""Blocks of a source go into panels as they stand, by the arithmetic of the package ``gguf``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from gguf import GGMLQuantizationType, quants

from convert.desc import ModelDesc
from convert.formats.panels import decode, unpack
from convert.graph import Panels
from convert.pipeline import convert
from convert.places import places_of
from convert.stem import file_of
from tests.gguf_writer import Q4_0, Q8_0, Tensor, gguf_bytes, tensors_of, values_of, write_gguf
from tests.tiny_model import quantise_q80, random_weights, tiny_config, write_v2

Floats = npt.NDArray[np.floating]
Q4_1, Q4_K, IQ4_NL = (int(GGMLQuantizationType[name]) for name in ("Q4_1", "Q4_K", "IQ4_NL"))
C = tiny_config(dim=256, hidden_dim=256, n_layers=1, n_heads=4, tied=False)


def sane_blocks(kind: int, rows: int, cols: int) -> npt.NDArray[np.uint8]:
    """Blocks of random bytes whose float16 scales are of an ordinary size."""
    rng = np.random.default_rng(kind)
    size = {Q4_0: 18, Q8_0: 34, Q4_1: 20, Q4_K: 144, IQ4_NL: 18}[kind]
    values = 256 if kind == Q4_K else 32
    raw = rng.integers(1, 255, (rows * cols // values, size), dtype=np.uint8)
    if kind == Q8_0:  # its quantiser makes no -128
        raw[raw == 128] = 129
    for at in (0, 2) if kind in (Q4_1, Q4_K) else (0,):
        scale = (0.01 + 0.01 * rng.random(len(raw))) * rng.choice([-1, 1], len(raw))
        raw[:, at : at + 2] = scale.astype("<f2").view(np.uint8).reshape(-1, 2)
    return raw.reshape(rows, -1)


def written(path: Path, kind: int) -> dict[str, Floats]:
    """A model whose matrices are such blocks; returns what they stand for, by name."""
    tensors, meant = tensors_of(C, random_weights(C, 0), Q8_0), {}
    for i, t in enumerate(tensors):
        if len(t.dims) == 2:
            cols, rows = t.dims
            raw = sane_blocks(kind, rows, cols)
            tensors[i] = Tensor(t.name, t.dims, kind, raw.tobytes())
            meant[t.name] = quants.dequantize(raw, GGMLQuantizationType(kind))
    path.write_bytes(gguf_bytes(values_of(C), tensors))
    return meant


def matrix(stem: Path, d: ModelDesc, name: str) -> Floats:
    place = places_of(d).of[name, 0]
    assert isinstance(place.weights, Panels)
    raw = np.fromfile(file_of(stem, ".bin"), np.uint8, place.size, offset=place.offset)
    return decode(raw, place.weights.rows, place.weights.cols, place.weights.bits)


@pytest.mark.parametrize(
    ("kind", "weights", "bound"),
    [
        *((Q8_0, "q8", 0.0), (Q4_0, "q4", 0.0), (Q4_1, "q4", 0.0), (Q4_0, "q8", 0.0)),
        *((IQ4_NL, "q8", 0.0), (Q4_K, "q4", 1e-3)),  # steps are products, which are rounded
    ],
)
def test_blocks_move_without_loss(tmp_path: Path, kind: int, weights: str, bound: float) -> None:
    meant = written(tmp_path / "m", kind)
    d = convert(tmp_path / "m", tmp_path / "out", weights=weights)
    for name, theirs in (("wv", "blk.0.attn_v.weight"), ("w2", "blk.0.ffn_down.weight")):
        got, want = matrix(tmp_path / "out", d, name), meant[theirs]
        assert np.abs(got - want).max() <= bound * np.abs(want).max()


def test_groups_of_a_v2_file_keep_their_values(tmp_path: Path) -> None:
    for group in (32, 64):
        c = tiny_config(hidden_dim=192)
        w = random_weights(c, 5)
        path = write_v2(tmp_path / "m.bin", c, w, group)
        d = convert(path, tmp_path / "out", weights="q8")
        q, steps = quantise_q80(w["wv"][0], group)
        place = places_of(d).of["wv", 0]
        raw = np.fromfile(file_of(tmp_path / "out", ".bin"), np.uint8, place.size, "", place.offset)
        got = unpack(raw, 32, 64, 8)
        np.testing.assert_array_equal(got.values, q.reshape(32, 64))
        want = np.repeat(steps, group // 32).reshape(32, 2).astype(np.float16)
        np.testing.assert_array_equal(got.steps, want)


def test_columns_count_by_the_gain_before_them(tmp_path: Path) -> None:
    c = tiny_config(tied=False)
    w = random_weights(c, 6)
    for gain in ("rms_att", "rms_ffn", "rms_final"):
        w[gain][..., 7] = 20
    write_gguf(tmp_path / "m", c, w)
    d = convert(tmp_path / "m", tmp_path / "out", weights="q4")
    for name in ("wq", "wk", "wv", "w1", "w3", "classifier", "wo", "w2"):
        want = w[name][0] if w[name].ndim == 3 else w[name]
        error = np.abs(matrix(tmp_path / "out", d, name) - want).mean(axis=0)
        ratio = error[7] / error.mean()
        assert (ratio < 0.2) == (name not in ("wo", "w2"))
