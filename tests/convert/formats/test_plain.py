"""Plain floats, byte for byte."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from convert.formats import codec_of
from convert.formats.codec import HALF, NonFiniteError
from convert.formats.plain import to_dtype
from tests.convert.formats.encoding import encode, normal


def test_fp32_is_a_tag_and_the_floats() -> None:
    w = normal(3, 5)
    assert encode(codec_of("fp32"), w, cut=1)[0] == bytes(4) + w.tobytes()
    assert codec_of("fp32").disk_bytes(3, 5) == 64


def test_fp16_is_a_tag_and_the_halves() -> None:
    w = normal(3, 5)
    raw = encode(codec_of("fp16"), w, cut=2)[0]
    halves = struct.pack("<15e", *map(float, w.ravel()))
    assert raw == struct.pack("<I", 0x01306B47) + halves + bytes(2)
    assert len(raw) == codec_of("fp16").disk_bytes(3, 5)


def test_a_half_holds_what_rounds_into_it_and_no_more() -> None:
    assert to_dtype(np.array([[65504, 65519.99, -65519.99]], np.float32), HALF).tolist() == [
        [65504, 65504, -65504]
    ]
    for bad in (65520, -65520, 1e30):
        with pytest.raises(NonFiniteError, match="65504"):
            to_dtype(np.array([[bad, 0]], np.float32), HALF)


@pytest.mark.parametrize("name", ["fp16", "fp32"])
def test_ncnn_holds_them_as_single_floats(name: str) -> None:
    assert codec_of(name).held_bytes(3, 5) == 4 + 4 * 15
