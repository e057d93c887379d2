"""Block formats, byte for byte, against the slow encoder; blocks of a source stay as they are."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from convert.formats import codec_of
from convert.formats.codec import NonFiniteError, QuantisedRows
from tests.convert.formats.encoding import BITS, Q_FORMATS, Slice, encode, normal, slow_blocks


@pytest.mark.parametrize(("name", "block"), Q_FORMATS)
@pytest.mark.parametrize("cols", [1, 3, 64, 96, 130, 257])
def test_blocks_are_packed_as_the_slow_encoder_packs_them(name: str, block: int, cols: int) -> None:
    codec = codec_of(name, block)
    w = normal(5, cols)
    w[2] = 0  # a row of nothing but empty blocks
    want, _ = slow_blocks(w, BITS[name], block)
    for cut in (1, 2, 5):
        assert encode(codec, w, cut)[0] == want
    assert len(want) == codec.disk_bytes(5, cols)


def test_four_bit_nibbles_go_low_first() -> None:
    w = np.zeros((1, 32), np.float32)
    w[0, :4] = 7, -7, 1, -1
    raw, _ = encode(codec_of("b4", 32), w)
    # two's complement: 7, 9 (-7), 1, 15 (-1)
    assert raw[:2] == bytes([0x97, 0xF1])
    assert raw[16:] == struct.pack("<f", 1.0)


def test_six_bit_values_go_four_to_three_bytes() -> None:
    w = np.zeros((1, 32), np.float32)
    w[0, :4] = 31, -31, 1, -1
    raw, _ = encode(codec_of("b6", 32), w)
    word = 31 | (64 - 31) << 6 | 1 << 12 | 63 << 18
    assert raw[:3] == word.to_bytes(3, "little")
    assert len(raw) == 24 + 4


def test_blocks_of_a_source_are_kept_bit_for_bit() -> None:
    q = np.arange(-64, 64, dtype=np.int8).reshape(2, 64)
    steps = np.array([[0.5, 0.25], [3, 0]], np.float32)
    out = bytearray()
    # What its floats would be doesn't matter.
    codec_of("b8", 32).encode([Slice(normal(2, 64), QuantisedRows(q, steps))], out.extend)
    q[1, 32:] = 0  # a step of zero means a block of zeros
    assert bytes(out) == q.tobytes() + struct.pack("<4f", 2, 4, np.float32(1) / np.float32(3), 1)


def test_a_damaged_scale_of_a_source_is_refused() -> None:
    stored = QuantisedRows(np.zeros((1, 32), np.int8), np.array([[np.nan]], np.float32))
    with pytest.raises(NonFiniteError, match="a scale is not a finite number"):
        codec_of("b8", 32).encode([Slice(normal(1, 32), stored)], bytearray().extend)
