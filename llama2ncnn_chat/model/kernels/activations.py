"""Activations for the kernels: rows of floats, normed or not, to bytes in blocks of 32.

A block's bytes share a step; their sum is kept beside, for weights that don't lie around zero.
Source of the scheme: llama.cpp's Q8_0, its sums from Q8_1.
"""

from __future__ import annotations

from types import SimpleNamespace

import llvmlite.ir as ir

from .code import Code
from .tables import Scratch
from .team import Team
from .values import F32, I8, I32, Value, vector

BLOCK = 32
FLOATS = vector(F32, BLOCK)
TO_WHOLE = 1.5 * 2**23
"""Added and taken off again, rounds a float32 of a few bits to the nearest whole number."""

SMALLEST = 1e-30


def write_quantise(module: ir.Module) -> None:
    """Write ``quantise``: a share of the blocks of rows ``(m, cols)``, to scratch.

    Takes the rows, their number of columns, where the scratch is described, the address of an
    RMSNorm's gain ``(cols,)`` (0 for no norm) and of its epsilon, and which blocks of all rows.
    The last block of a row may be short: zeros fill it up.
    """
    c = Code(module, "quantise", "rows", "cols", "scratch", "gain", "epsilon", "first", "last")
    rows, cols, scratch_at, gain, epsilon, first, last = c.arguments
    scratch = c.read(Scratch, scratch_at)
    n_blocks = blocks_of(cols)
    with c.loop(first // n_blocks, (last + n_blocks - 1) // n_blocks) as row:
        x = rows + row * cols * 4
        scale = c.variable(c.constant(F32, 1.0))
        with c.when(gain > 0):
            scale.value = norm_scale(c, x, cols, c.load(F32, epsilon, align=4))
        begin = row * n_blocks
        start, stop = (first - begin).above(0), (last - begin).below(n_blocks)
        with c.loop(start, stop) as block:
            values = c.variable(_load_block(c, x, block, cols))
            with c.when(gain > 0):
                by = _load_block(c, gain, block, cols)
                values.value = values.value * scale.value.splat(BLOCK) * by
            _quantise_block(c, scratch, begin + block, values.value)
    c.done()


def quantise(
    c: Code,
    team: Team,
    rows: tuple[Value, Value, Value],
    scratch: Value,
    norm: tuple[Value, Value] | None = None,
) -> None:
    """Have every thread quantise its share of ``(address, m, cols)``, and wait for all.

    ``norm`` has the addresses of an RMSNorm's gain and epsilon.
    """
    address, m, cols = rows
    gain, epsilon = norm or (c.number(0), c.number(0))
    c.call("quantise", address, cols, scratch, gain, epsilon, *team.share(m * blocks_of(cols)))
    team.wait()


def blocks_of(cols: Value) -> Value:
    """Count the blocks of a row, the last one short perhaps."""
    return (cols + BLOCK - 1) // BLOCK


def _load_block(c: Code, row: Value, block: Value, cols: Value) -> Value:
    """Read 32 floats of a row; those past its end are zeros."""
    source = c.variable(row + block * (4 * BLOCK))
    left = cols - block * BLOCK
    with c.when(left < BLOCK):
        whole = c.buffer(FLOATS)
        c.store(c.zeros(FLOATS), whole)
        with c.loop(0, left) as i:
            c.store(c.load(F32, source.value + i * 4, align=4), whole + i * 4, align=4)
        source.value = whole
    return c.load(FLOATS, source.value, align=4)


def norm_scale(c: Code, x: Value, cols: Value, epsilon: Value) -> Value:
    """Compute what an RMSNorm multiplies a row ``(cols,)`` by, before its gain."""
    squares = c.variable(c.zeros(FLOATS))
    with c.loop(0, blocks_of(cols)) as block:
        values = _load_block(c, x, block, cols)
        squares.value = values * values + squares.value
    mean = squares.value.sum() / cols.narrow(I32).to_float()
    return c.constant(F32, 1.0) / (mean + epsilon).square_root()


def _quantise_block(c: Code, scratch: SimpleNamespace, index: Value, values: Value) -> None:
    greatest = values.magnitude().greatest()
    # A block of zeros has a step of zero: what its values are divided by then matters to nobody.
    inverse = c.constant(F32, 127.0) / greatest.above(SMALLEST)
    whole = (values * inverse.splat(BLOCK) + TO_WHOLE) - TO_WHOLE
    q = whole.to_int()
    c.store(q.narrow(I8), scratch.values + index * BLOCK, align=32)
    c.store(greatest * (1 / 127), scratch.steps + index * 4, align=4)
    c.store(q.sum(), scratch.sums + index * 4, align=4)
