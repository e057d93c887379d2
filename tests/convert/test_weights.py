"""Weight bytes against a slow, obvious encoder written here, and against ncnn's own Gemm."""

from __future__ import annotations

import struct
from pathlib import Path

import ncnn
import numpy as np
import numpy.typing as npt
import pytest

from convert.weights import (
    NonFiniteError,
    WeightFormat,
    matrix_bytes,
    to_half,
    weight_format,
    write_blocks,
    write_fp16,
    write_fp32,
    write_int8,
)

Array = npt.NDArray[np.floating]
Q_FORMATS = [(name, block) for name in ("q8", "q6", "q4") for block in (32, 64, 128)]


def encode(fmt: WeightFormat, w: Array, cut: int | None = None) -> tuple[bytes, Array]:
    """The bytes of a matrix, fed in slices of ``cut`` rows, and the int8 rows' steps."""
    out = bytearray()
    cut = cut or len(w)
    slices = [w[i : i + cut] for i in range(0, len(w), cut)]
    steps = np.ones(len(w), np.float32)
    if fmt.name == "fp32":
        write_fp32(slices, out.extend)
    elif fmt.name == "fp16":
        write_fp16(slices, out.extend)
    elif fmt.name == "int8":
        steps = write_int8(slices, out.extend)
    else:
        write_blocks(fmt, slices, out.extend)
    return bytes(out), steps


def normal(rows: int, cols: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((rows, cols), np.float32)


def round_half_even(x: float) -> int:
    return round(x)


def slow_blocks(w: Array, bits: int, block: int) -> tuple[bytes, Array]:
    """The layout of a block format value by value, and the matrix that it stands for."""
    q_max = 2 ** (bits - 1) - 1
    packed, scales, meant = b"", b"", np.zeros(w.shape)
    for r, row in enumerate(w):
        stream = 0
        for start in range(0, len(row), block):
            absmax = max(abs(float(x)) for x in row[start : start + block])
            inverse = np.float32(q_max) / np.float32(absmax) if absmax else np.float32(1)
            scales += struct.pack("<f", inverse)
            for k in range(start, min(len(row), start + block)):
                q = round_half_even(float(np.float32(row[k]) * inverse))
                meant[r, k] = q / float(inverse)
                stream |= (q & (2**bits - 1)) << (bits * k)  # low bits first, little-endian
        packed += stream.to_bytes((len(row) * bits + 7) // 8, "little")
    return packed + b"\0" * (-len(packed) % 4) + scales, meant


@pytest.mark.parametrize(("name", "block"), Q_FORMATS)
@pytest.mark.parametrize("cols", [1, 3, 64, 96, 130, 257])
def test_blocks_are_packed_as_the_slow_encoder_packs_them(name: str, block: int, cols: int) -> None:
    fmt = weight_format(name, block)
    w = normal(5, cols)
    w[2] = 0  # a row of nothing but empty blocks
    want, _ = slow_blocks(w, fmt.bits, block)
    for cut in (1, 2, 5):
        assert encode(fmt, w, cut)[0] == want
    assert len(want) == matrix_bytes(fmt, 5, cols)


def test_four_bit_nibbles_go_low_first() -> None:
    w = np.zeros((1, 32), np.float32)
    w[0, :4] = 7, -7, 1, -1
    raw, _ = encode(weight_format("q4", 32), w)
    # two's complement: 7, 9 (-7), 1, 15 (-1)
    assert raw[:2] == bytes([0x97, 0xF1])
    assert raw[16:] == struct.pack("<f", 1.0)


def test_six_bit_values_go_four_to_three_bytes() -> None:
    w = np.zeros((1, 32), np.float32)
    w[0, :4] = 31, -31, 1, -1
    raw, _ = encode(weight_format("q6", 32), w)
    word = 31 | (64 - 31) << 6 | 1 << 12 | 63 << 18
    assert raw[:3] == word.to_bytes(3, "little")
    assert len(raw) == 24 + 4


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (3, 5), (4, 64), (7, 33)])
def test_int8_rows_each_have_their_own_step(rows: int, cols: int) -> None:
    w = normal(rows, cols)
    w[0] *= 1000  # an outlier row costs the others nothing
    raw, steps = encode(weight_format("int8"), w, cut=2)
    body = b""
    for row, step in zip(w, steps, strict=True):
        absmax = np.abs(row).max()
        assert step == np.float32(absmax) / np.float32(127)
        q = [round_half_even(float(x * (np.float32(127) / absmax))) for x in row]
        body += struct.pack(f"{cols}b", *q)
    body += b"\0" * (-len(body) % 4)
    assert raw == struct.pack("<I", 0x000D4B38) + body + struct.pack("<f", 1.0)
    assert len(raw) + 4 * rows == matrix_bytes(weight_format("int8"), rows, cols)


@pytest.mark.parametrize("name", ["int8", "q8", "q6", "q4"])
def test_rounding_is_to_nearest(name: str) -> None:
    fmt = weight_format(name, 32)
    w = normal(16, 96)
    raw, steps = encode(fmt, w)
    if name == "int8":
        q = np.frombuffer(raw[4:-4], np.int8).reshape(16, 96)
        error = np.abs(w - q * steps[:, None]) / steps[:, None]
    else:
        _, meant = slow_blocks(w, fmt.bits, 32)
        step = np.abs(w.reshape(16, 3, 32)).max(axis=2) / (2 ** (fmt.bits - 1) - 1)
        error = np.abs(w - meant) / np.repeat(step, 32, axis=1)
    assert error.max() < 0.5 + 1e-4


@pytest.mark.parametrize("name", ["int8", "q8", "q6", "q4", "fp16", "fp32"])
def test_zero_and_tiny_rows_stay_zero(name: str) -> None:
    w = np.zeros((4, 64), np.float32)
    w[1] = 1e-44  # its inverse overflows
    raw, steps = encode(weight_format(name, 32), w)
    assert np.isfinite(steps).all()
    if name != "fp32":
        assert not any(raw[4:-32])  # tag before, scales after


@pytest.mark.parametrize("name", ["int8", "q8", "q6", "q4", "fp16", "fp32"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [(0, 0), (3, 63), (2, 17)])
def test_what_is_no_number_is_refused(name: str, bad: float, at: tuple[int, int]) -> None:
    w = normal(4, 64)
    w[at] = bad
    with pytest.raises(NonFiniteError, match="not a finite number"):
        encode(weight_format(name, 32), w, cut=2)


@pytest.mark.parametrize("name", ["int8", "q8", "q6", "q4", "fp32"])
def test_the_largest_float_is_kept(name: str) -> None:
    w = normal(2, 32)
    w[0, 0] = np.finfo(np.float32).max
    assert encode(weight_format(name, 32), w)[0]


def test_fp32_is_a_tag_and_the_floats() -> None:
    w = normal(3, 5)
    assert encode(weight_format("fp32"), w, cut=1)[0] == bytes(4) + w.tobytes()
    assert matrix_bytes(weight_format("fp32"), 3, 5) == 64


def test_fp16_is_a_tag_and_the_halves() -> None:
    w = normal(3, 5)
    raw = encode(weight_format("fp16"), w, cut=2)[0]
    halves = struct.pack("<15e", *map(float, w.ravel()))
    assert raw == struct.pack("<I", 0x01306B47) + halves + bytes(2)
    assert len(raw) == matrix_bytes(weight_format("fp16"), 3, 5)


def test_a_half_holds_what_rounds_into_it_and_no_more() -> None:
    assert to_half(np.array([[65504, 65519.99, -65519.99]], np.float32)).tolist() == [
        [65504, 65504, -65504]
    ]
    for bad in (65520, -65520, 1e30):
        with pytest.raises(NonFiniteError, match="65504"):
            to_half(np.array([[bad, 0]], np.float32))


# ncnn itself


def gemm(folder: Path, fmt: WeightFormat, raw: bytes, x: Array, rows: int) -> Array:
    """``x @ w.T`` by a net of one Gemm whose ``.bin`` is ``raw``."""
    term = f" 18={fmt.quantize_term}" if fmt.quantize_term else ""
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


TOLERANCE = {"fp32": 1e-5, "fp16": 1e-3, "int8": 2e-2, "q8": 1e-2, "q6": 1e-2, "q4": 1e-2}


@pytest.mark.parametrize(("name", "block"), [("fp32", 64), ("fp16", 64), ("int8", 64), *Q_FORMATS])
@pytest.mark.parametrize(("rows", "cols"), [(48, 256), (20, 160), (9, 100), (7, 75)])
@pytest.mark.parametrize("m", [1, 5])
def test_ncnn_reads_the_bytes_as_the_weights_they_stand_for(
    tmp_path: Path, name: str, block: int, rows: int, cols: int, m: int
) -> None:
    fmt = weight_format(name, block)
    w, x = normal(rows, cols, 1), normal(m, cols, 2)
    raw, steps = encode(fmt, w, cut=4)
    if name == "int8":
        q = np.frombuffer(raw, np.int8, rows * cols, 4).reshape(rows, cols)
        meant = q * steps[:, None].astype(float)
    else:
        meant = slow_blocks(w, fmt.bits, block)[1] if fmt.block else w
    got = gemm(tmp_path, fmt, raw, x, rows) * (steps if name == "int8" else 1)
    want = x @ meant.T
    assert got.shape == want.shape
    error = np.linalg.norm(got - want) / np.linalg.norm(want)
    assert error < TOLERANCE[name], error
