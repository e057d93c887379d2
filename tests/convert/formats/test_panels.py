"""Panels: byte for byte against the slow writer, back again, and as near as the bits allow."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from convert.formats import codec_of
from convert.formats.codec import NonFiniteError, QuantisedRows
from convert.formats.panels import decode, n_panels, pack, panel_bytes, rows_of, unpack
from tests.convert.formats.encoding import Array, Slice, encode, normal
from tests.convert.formats.slow_panels import write_panels

SHAPES = [(1, 1), (8, 32), (9, 33), (16, 64), (7, 100), (21, 31), (64, 288), (3, 257)]


Ints = npt.NDArray[np.uint8]


def drawn(rows: int, cols: int, levels: int, seed: int = 0) -> tuple[Ints, Array, Array]:
    """Unsigned values, and float16 steps and offsets of their blocks."""
    rng = np.random.default_rng(seed)
    scales = rng.standard_normal((2, rows, -(-cols // 32))).astype(np.float16)
    steps, offsets = scales.astype(np.float32)
    return rng.integers(0, levels, (rows, cols)).astype(np.uint8), steps, offsets


@pytest.mark.parametrize(("rows", "cols"), SHAPES)
def test_eight_bits_lie_where_the_format_says(rows: int, cols: int) -> None:
    u, steps, _ = drawn(rows, cols, 256)
    q = QuantisedRows((u.astype(np.int16) - 128).astype(np.int8), steps)
    raw = pack(q, 8)
    assert raw.tobytes() == write_panels(u, steps, None)
    assert (
        raw.nbytes == codec_of("q8").disk_bytes(rows, cols) == codec_of("q8").held_bytes(rows, cols)
    )
    back = unpack(raw, rows, cols, 8)
    np.testing.assert_array_equal(back.values, q.values)
    np.testing.assert_array_equal(back.steps, steps)
    assert back.offsets is None


@pytest.mark.parametrize(("rows", "cols"), SHAPES)
def test_four_bits_lie_where_the_format_says(rows: int, cols: int) -> None:
    u, steps, offsets = drawn(rows, cols, 16)
    q = QuantisedRows(u.view(np.int8), steps, offsets)
    raw = pack(q, 4)
    assert raw.tobytes() == write_panels(u, steps, offsets)
    assert raw.nbytes == codec_of("q4").disk_bytes(rows, cols)
    back = unpack(raw, rows, cols, 4)
    np.testing.assert_array_equal(back.values, q.values)
    np.testing.assert_array_equal(back.steps, steps)
    np.testing.assert_array_equal(back.offsets, offsets)


def test_four_bits_around_zero_get_an_offset_of_eight_steps() -> None:
    u, steps, _ = drawn(8, 64, 16)
    signed = QuantisedRows(u.view(np.int8) - np.int8(8), steps)
    assert pack(signed, 4).tobytes() == write_panels(u, steps, -8 * steps)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize(("rows", "cols"), SHAPES)
def test_decoding_gives_step_times_value_plus_offset(bits: int, rows: int, cols: int) -> None:
    u, steps, offsets = drawn(rows, cols, 1 << bits)
    raw = np.frombuffer(write_panels(u, steps, offsets if bits == 4 else None), np.uint8)
    every = np.repeat(np.arange(steps.shape[1]), 32)[:cols]
    want = u * steps[:, every].astype(float) + offsets[:, every]
    if bits == 8:
        want = (u.astype(float) - 128) * steps[:, every]
    np.testing.assert_allclose(decode(raw, rows, cols, bits), want, rtol=1e-6, atol=1e-6)


def test_a_panel_is_a_multiple_of_64_bytes_and_has_the_bits_it_should() -> None:
    for cols in range(1, 200):
        assert panel_bytes(cols, 8) % 64 == panel_bytes(cols, 4) % 64 == 0
    assert 8 * panel_bytes(4096, 8) == 8.5 * 8 * 4096
    assert 8 * panel_bytes(4096, 4) == 5 * 8 * 4096


@pytest.mark.parametrize("name", ["q8", "q4"])
@pytest.mark.parametrize(("rows", "cols"), SHAPES)
def test_the_error_is_half_a_step_at_most(name: str, rows: int, cols: int) -> None:
    codec, w = codec_of(name), normal(rows, cols, 3) * np.float32(0.02)
    w[0] *= 100  # an outlier row costs the others nothing
    for cut in (None, 8, 16):
        raw, _ = encode(codec, w, cut)
        assert len(raw) == codec.disk_bytes(rows, cols)
        got = decode(np.frombuffer(raw, np.uint8), rows, cols, codec.bits)
        for b in range(-(-cols // 32)):
            block, error = (x[:, 32 * b : 32 * b + 32] for x in (w, w - got))
            if name == "q8":
                step = np.abs(block).max(axis=1) / 127
                assert (np.abs(error).max(axis=1) <= 0.51 * step + 1e-7).all()
            else:  # ends may be cut off, for less error in all
                spread = block.max(axis=1) - block.min(axis=1)
                assert (
                    (error**2).mean(axis=1)
                    <= (spread / 15) ** 2 / 12 * 1.6 + (1e-3 * np.abs(block).max()) ** 2
                ).all()


@pytest.mark.parametrize(("rows", "cols"), SHAPES)
def test_some_rows_are_those_of_all(rows: int, cols: int) -> None:
    raw, _ = encode(codec_of("q8"), normal(rows, cols, 5))
    panels = np.frombuffer(raw, np.uint8).reshape(n_panels(rows), -1)
    some = np.array([rows - 1, 0, rows // 2, 0])
    want = decode(panels, rows, cols, 8)[some]
    np.testing.assert_array_equal(rows_of(panels, some, cols), want)


def test_eight_bits_of_a_rounded_step_never_leave_their_range() -> None:
    w = np.linspace(0.001, 0.01, 32 * 500, dtype=np.float32).reshape(500, 32)
    w[:, 0] = -w[:, -1]
    raw, _ = encode(codec_of("q8"), w)
    values = unpack(np.frombuffer(raw, np.uint8), 500, 32, 8).values
    assert values.min() == -127
    assert values.max() == 127


@pytest.mark.parametrize("name", ["q8", "q4"])
def test_what_float16_cannot_hold_is_refused_and_what_is_too_small_is_zero(name: str) -> None:
    for bad, what in ((1e9, "beyond the range of float16"), (np.nan, "not a finite number")):
        w = normal(4, 64)
        w[2, 17] = bad
        with pytest.raises(NonFiniteError, match=what):
            encode(codec_of(name), w)
    w = np.zeros((4, 64), np.float32)
    w[1] = 1e-44
    raw, _ = encode(codec_of(name), w)
    assert not decode(np.frombuffer(raw, np.uint8), 4, 64, codec_of(name).bits).any()


@pytest.mark.parametrize("name", ["q8", "q4"])
def test_a_constant_block_stays_what_it_is(name: str) -> None:
    w = np.full((2, 64), 0.5, np.float32)
    raw, _ = encode(codec_of(name), w)
    got = decode(np.frombuffer(raw, np.uint8), 2, 64, codec_of(name).bits)
    np.testing.assert_allclose(got, w, rtol=1e-3)


def test_a_damaged_scale_of_a_source_is_refused() -> None:
    for steps, offsets in ((np.nan, 0), (1, np.inf), (1, 1e6)):
        one = [np.full((1, 1), x, np.float32) for x in (steps, offsets)]
        stored = QuantisedRows(np.zeros((1, 32), np.int8), *one)
        with pytest.raises(NonFiniteError):
            codec_of("q4").encode([Slice(normal(1, 32), stored)], bytearray().extend)


def test_blocks_that_the_format_cannot_hold_are_quantised_anew() -> None:
    w = normal(8, 64)
    for value, step in ((-128, 0.5), (1, 1e-7), (1, 1e6)):
        q = np.full((8, 64), value, np.int8)
        stored = QuantisedRows(q, np.full((8, 2), step, np.float32))
        out = bytearray()
        codec_of("q8").encode([Slice(w, stored)], out.extend)
        assert out == encode(codec_of("q8"), w)[0]


def test_the_matrices_that_are_named_keep_eight_bits() -> None:
    codec = codec_of("q4", eight_bits=frozenset({("w2", 3)}))
    assert [codec.of(*x).bits for x in (("w2", 3), ("w2", 2), ("w1", 3))] == [8, 4, 4]
