"""int8 with a scale per row, byte for byte."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from convert.formats import codec_of
from tests.convert.formats.encoding import encode, normal, round_half_even


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (3, 5), (4, 64), (7, 33)])
def test_int8_rows_each_have_their_own_step(rows: int, cols: int) -> None:
    w = normal(rows, cols)
    w[0] *= 1000  # an outlier row costs the others nothing
    raw, steps = encode(codec_of("int8"), w, cut=2)
    body = b""
    for row, step in zip(w, steps, strict=True):
        absmax = np.abs(row).max()
        assert step == np.float32(absmax) / np.float32(127)
        q = [round_half_even(float(x * (np.float32(127) / absmax))) for x in row]
        body += struct.pack(f"{cols}b", *q)
    body += b"\0" * (-len(body) % 4)
    assert raw == struct.pack("<I", 0x000D4B38) + body + struct.pack("<f", 1.0)
    assert len(raw) + 4 * rows == codec_of("int8").disk_bytes(rows, cols)
