"""What holds of every format: rounding, zeros, numbers that are none; and ncnn's own Gemm."""

from __future__ import annotations

from pathlib import Path

import ncnn
import numpy as np
import pytest

from convert.errors import ConvertError
from convert.format_names import FORMAT_NAMES
from convert.formats import codec_of
from convert.formats.codec import Codec, NonFiniteError
from tests.convert.formats.encoding import BITS, Q_FORMATS, Array, encode, normal, slow_blocks


@pytest.mark.parametrize("name", ["int8", "b8", "b6", "b4"])
def test_rounding_is_to_nearest(name: str) -> None:
    codec = codec_of(name, 32)
    w = normal(16, 96)
    raw, steps = encode(codec, w)
    if name == "int8":
        q = np.frombuffer(raw[4:-4], np.int8).reshape(16, 96)
        error = np.abs(w - q * steps[:, None]) / steps[:, None]
    else:
        _, meant = slow_blocks(w, BITS[name], 32)
        step = np.abs(w.reshape(16, 3, 32)).max(axis=2) / (2 ** (BITS[name] - 1) - 1)
        error = np.abs(w - meant) / np.repeat(step, 32, axis=1)
    assert error.max() < 0.5 + 1e-4


@pytest.mark.parametrize("name", ["int8", "b8", "b6", "b4", "fp16", "fp32"])
def test_zero_and_tiny_rows_stay_zero(name: str) -> None:
    w = np.zeros((4, 64), np.float32)
    w[1] = 1e-44  # its inverse overflows
    raw, steps = encode(codec_of(name, 32), w)
    assert np.isfinite(steps).all()
    if name != "fp32":
        assert not any(raw[4:-32])  # tag before, scales after


@pytest.mark.parametrize("name", ["int8", "b8", "b6", "b4", "fp16", "fp32"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [(0, 0), (3, 63), (2, 17)])
def test_what_is_no_number_is_refused(name: str, bad: float, at: tuple[int, int]) -> None:
    w = normal(4, 64)
    w[at] = bad
    with pytest.raises(NonFiniteError, match="not a finite number"):
        encode(codec_of(name, 32), w, cut=2)


@pytest.mark.parametrize("name", ["int8", "b8", "b6", "b4", "fp32"])
def test_the_largest_float_is_kept(name: str) -> None:
    w = normal(2, 32)
    w[0, 0] = np.finfo(np.float32).max
    assert encode(codec_of(name, 32), w)[0]


def test_a_codec_is_found_by_name_and_block() -> None:
    for name in FORMAT_NAMES:
        codec = codec_of(name, 32)
        assert (codec.name, codec.block) == (name, 32 if name in (*BITS, "q8", "q4") else 0)
    with pytest.raises(ConvertError, match=r"unknown weights 'q5'.*int8"):
        codec_of("q5")
    with pytest.raises(ConvertError, match="block 48 isn't one of 32, 64, 128"):
        codec_of("b8", 48)


def gemm(folder: Path, codec: Codec, raw: bytes, x: Array, rows: int) -> Array:
    """``x @ w.T`` by a net of one Gemm whose ``.bin`` is ``raw``."""
    term = f" 18={codec.quantize_term}" if codec.quantize_term else ""
    param = (
        "7767517\n2 2\nInput x 0 1 x\n"
        f"Gemm y 1 1 x y 2=0 3=1 4=0 5=1 6=1 7=0 8={rows} 9={x.shape[1]} 10=-1{term}\n"
    )
    path = folder / "gemm.bin"
    path.write_bytes(raw)
    net = ncnn.Net()
    net.opt.num_threads = 1
    assert net.load_param_mem(param) == 0
    assert net.load_model(str(path)) == 0
    x = np.ascontiguousarray(x)
    mat = ncnn.Mat(x).clone()  # Mat(array) keeps neither a copy nor a reference
    extractor = net.create_extractor()
    assert extractor.input("x", mat) == 0
    code, y = extractor.extract("y")
    assert code == 0
    return np.array(y)


TOLERANCE = {"fp32": 1e-5, "fp16": 1e-3, "int8": 2e-2, "b8": 1e-2, "b6": 1e-2, "b4": 1e-2}


@pytest.mark.parametrize(("name", "block"), [("fp32", 64), ("fp16", 64), ("int8", 64), *Q_FORMATS])
@pytest.mark.parametrize(("rows", "cols"), [(48, 256), (20, 160), (9, 100), (7, 75)])
@pytest.mark.parametrize("m", [1, 5])
def test_ncnn_reads_the_bytes_as_the_weights_they_stand_for(
    tmp_path: Path, name: str, block: int, rows: int, cols: int, m: int
) -> None:
    codec = codec_of(name, block)
    w, x = normal(rows, cols, 1), normal(m, cols, 2)
    raw, steps = encode(codec, w, cut=4)
    if name == "int8":
        q = np.frombuffer(raw, np.int8, rows * cols, 4).reshape(rows, cols)
        meant = q * steps[:, None].astype(float)
    else:
        meant = slow_blocks(w, BITS[name], block)[1] if codec.block else w
    got = gemm(tmp_path, codec, raw, x, rows) * (steps if name == "int8" else 1)
    want = x @ meant.T
    assert got.shape == want.shape
    error = np.linalg.norm(got - want) / np.linalg.norm(want)
    assert error < TOLERANCE[name], error
