"""Panels written and read a byte at a time, by the words of the format alone."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer]
Floats = npt.NDArray[np.floating]


def write_panels(values: Ints, steps: Floats, offsets: Floats | None) -> bytes:
    """Unsigned ``values`` ``(rows, cols)``, steps and offsets ``(rows, blocks)``: q8, or q4."""
    rows, cols = values.shape
    blocks = -(-cols // 32)
    out = b""
    for first in range(0, rows, 8):
        panel = b""
        for b in range(blocks):
            for j in range(8 if offsets is None else 4):
                for row in range(first, first + 8):
                    for t in range(4):
                        col = 32 * b + 4 * j + t
                        if offsets is None:
                            panel += bytes([_value(values, row, col, 128)])
                        else:
                            low, high = (_value(values, row, c, 0) for c in (col, col + 16))
                            panel += bytes([low | high << 4])
        for b in range(blocks):
            for scales in (steps,) if offsets is None else (steps, offsets):
                for row in range(first, first + 8):
                    panel += struct.pack("<e", scales[row, b] if row < rows else 0)
        out += panel + bytes(-len(panel) % 64)
    return out


def _value(values: Ints, row: int, col: int, beyond: int) -> int:
    rows, cols = values.shape
    return int(values[row, col]) if row < rows and col < cols else beyond
