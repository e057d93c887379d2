"""The product of a matrix in panels with rows of quantised activations.

A panel is 8 rows of weights; the layout is ``convert.formats.panels``'s. A tile is one or two
panels times a few rows of activations, summed block by block in the CPU's byte products.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace

import llvmlite.ir as ir

from .code import Code
from .cpus import Cpu, Tile
from .values import F32, I8, I16, I32, Value, vector

PANEL = 8
BLOCK = 32
VALUE_BYTES = {8: PANEL * BLOCK, 4: PANEL * BLOCK // 2}
"""Of a block of a panel, by the bits of a weight."""

BLOCK_BYTES = {8: VALUE_BYTES[8] + 2 * PANEL, 4: VALUE_BYTES[4] + 4 * PANEL}
"""The same with the scales."""

FOUR_COLUMNS = vector(I8, 4 * PANEL)
HALVES = vector(I16, PANEL)
SUMS = vector(F32, PANEL)

AHEAD = 8192
"""Bytes that are asked for early, of this panel and those behind it: two pages, whose addresses the
CPU must look up before it can begin."""

Finish = Callable[[Value, Value, list[Value]], None]
"""Written once tiles are computed: row of activations, number of the panel, each matrix's sums."""


def tile_name(bits: int, tile: Tile) -> str:
    """Name the function that computes a tile."""
    return f"tile{bits}.{tile.panels}x{tile.rows}"


def write_tile(module: ir.Module, cpu: Cpu, bits: int, tile: Tile) -> None:
    """Write the function that multiplies panels with rows of activations.

    Takes the first panel, the bytes from one to the next, their number of blocks, the rows'
    values, steps and sums, and where the float32 sums go: those of all panels, row by row.
    """
    arguments = ("panel", "panel_bytes", "n_blocks", "values", "steps", "sums", "out")
    c = Code(module, tile_name(bits, tile), *arguments)
    panel, panel_bytes, n_blocks, values, steps, sums, out = c.arguments
    panels = [panel + panel_bytes * i for i in range(tile.panels)]
    lanes, rows = PANEL * tile.panels, range(tile.rows)
    totals = [c.variable(c.zeros(vector(F32, lanes))) for _ in rows]
    with c.loop(0, n_blocks) as block:
        places = [n_blocks * r + block for r in rows]
        of_row = [c.load(I32, sums + place * 4, align=4) for place in places]
        if bits == 8:
            dots = [(s * -cpu.excess).splat(lanes) for s in of_row]
        else:
            dots = [c.zeros(cpu.sums4(lanes)) for _ in rows]
        dot = cpu.dot8 if bits == 8 else cpu.dot4
        for column, weights in enumerate(_weights(c, bits, panels, block)):
            for r in rows:
                four = c.load(I32, values + places[r] * BLOCK + 4 * column, align=4)
                dots[r] = dot(dots[r], weights, four.splat(lanes).bits_as(weights.ir.type))
            dots = cpu.in_turn(dots)
        if bits == 4:
            dots = [cpu.whole4(total) for total in dots]
        step, offset = _scales(
            c, cpu, bits, [p + n_blocks * VALUE_BYTES[bits] for p in panels], block
        )
        for r in rows:
            by = c.load(F32, steps + places[r] * 4, align=4)
            total = dots[r].to_float() * (step * by.splat(lanes)) + totals[r].value
            if offset:
                total = offset * (by * of_row[r].to_float()).splat(lanes) + total
            totals[r].value = total
    for r in rows:
        c.store(totals[r].value, out + r * 4 * lanes, align=32)
    c.done()


def _weights(c: Code, bits: int, panels: list[Value], block: Value) -> list[Value]:
    """Read a block as 8 vectors, each of 4 columns of all rows, in the order of the columns."""
    at = block * VALUE_BYTES[bits]
    if len(panels) == 1:
        ahead = panels[0] + block * BLOCK_BYTES[bits] + AHEAD
        for line in range(0, BLOCK_BYTES[bits], 64):
            c.prefetch(ahead + line)
    stored = [
        _side_by_side([c.load(FOUR_COLUMNS, p + at + 32 * j, align=32) for p in panels])
        for j in range(bits)
    ]
    if bits == 8:
        return stored
    low = [both & 15 for both in stored]
    # Sixteen bits at a time, for there is no shift of bytes.
    words = (both.bits_as(vector(I16, both.lanes // 2)) >> 4 for both in stored)
    return low + [word.bits_as(vector(I8, 2 * word.lanes)) & 15 for word in words]


def _scales(
    c: Code, cpu: Cpu, bits: int, scales: list[Value], block: Value
) -> tuple[Value, Value | None]:
    """Read the steps of a block's rows, and the offsets of 4-bit ones."""

    def read(at: Value) -> Value:
        return cpu.half(_side_by_side([c.load(HALVES, s + at, align=16) for s in scales]))

    if bits == 8:
        return read(block * 16), None
    return read(block * 32), read(block * 32 + 16)


def _side_by_side(parts: list[Value]) -> Value:
    if len(parts) == 1:
        return parts[0]
    first, second = parts
    return first.lanes_of(list(range(2 * first.lanes)), second)


def each_tile(
    c: Code,
    cpu: Cpu,
    matrices: Sequence[SimpleNamespace],
    activations: tuple[SimpleNamespace, Value],
    share: tuple[Value, Value],
    finish: Finish,
) -> None:
    """Write the products of a share of the panels of matrices that have the same shape.

    ``activations`` are the scratch that holds them and their number of rows; ``share`` counts as
    ``shares_of`` does; ``finish`` puts away what was summed for one row of one panel.
    """
    scratch, m = activations
    most = cpu.tiles[0]
    kept = [c.buffer(vector(F32, PANEL * most.panels * most.rows)) for _ in matrices]
    with c.loop(*share) as group:
        first = group * most.panels
        last = (first + most.panels).below(matrices[0].n_panels)
        row = c.variable(c.number(0))
        with c.loop_while(lambda: row.value < m):
            tile = _choose_tile(c, cpu, last - first, m - row.value)
            with c.loop(first, last, tile.panels) as panel:
                for matrix, sums in zip(matrices, kept, strict=True):
                    _call_tile(c, cpu, tile, matrix, panel, scratch, row.value, sums)
                with c.loop(0, tile.rows) as r, c.loop(0, tile.panels) as p:
                    at = (r * tile.panels + p) * (4 * PANEL)
                    of_panel = [c.load(SUMS, sums + at, align=32) for sums in kept]
                    finish(row.value + r, panel + p, of_panel)
            row.value = row.value + tile.rows


def shares_of(cpu: Cpu, n_panels: Value) -> Value:
    """Count what threads can share of a matrix: as many panels as the greatest tile has."""
    return (n_panels + (cpu.tiles[0].panels - 1)) // cpu.tiles[0].panels


def _choose_tile(c: Code, cpu: Cpu, panels: Value, rows: Value) -> SimpleNamespace:
    """Take the greatest tile of which there are as many panels and rows."""
    number, wide, high = (c.variable(c.number(0)) for _ in range(3))
    for i, tile in reversed(list(enumerate(cpu.tiles))):
        with c.when(panels > tile.panels - 1), c.when(rows > tile.rows - 1):
            number.value, wide.value, high.value = (c.number(n) for n in (i, *tile))
    return SimpleNamespace(number=number.value, panels=wide.value, rows=high.value)


def _call_tile(
    c: Code,
    cpu: Cpu,
    tile: SimpleNamespace,
    matrix: SimpleNamespace,
    panel: Value,
    scratch: SimpleNamespace,
    row: Value,
    sums: Value,
) -> None:
    begin = row * matrix.n_blocks
    where = (scratch.values + begin * BLOCK, scratch.steps + begin * 4, scratch.sums + begin * 4)
    at = matrix.panels + panel * matrix.panel_bytes
    for number, size in enumerate(cpu.tiles):
        for bits in VALUE_BYTES:
            with c.when(tile.number.equals(number)), c.when(matrix.bits.equals(bits)):
                c.call(tile_name(bits, size), at, matrix.panel_bytes, matrix.n_blocks, *where, sums)


def put_away(
    c: Code, panel: Value, rows: Value, sums: list[Value], put: Callable[[Value, list[Value]], None]
) -> None:
    """Write ``put(column, sums)`` for the 8 columns of a panel, or for those that there are.

    Where the matrix ends inside the panel, it goes one column at a time.
    """
    first = panel * PANEL
    with c.choose(first + (PANEL - 1) < rows) as (whole, short):
        with whole:
            put(first, sums)
        with short:
            kept = [c.buffer(SUMS) for _ in sums]
            for value, at in zip(sums, kept, strict=True):
                c.store(value, at, align=32)
            with c.loop(first, rows) as column:
                lane = (column - first) * 4
                put(column, [c.load(F32, at + lane, align=4) for at in kept])
