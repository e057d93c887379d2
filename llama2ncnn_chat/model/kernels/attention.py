"""Attention over a cache of 16-bit keys and values, which the new tokens are put into first.

Sums go in one order however many queries are held against the keys at once, so that a token's
output doesn't depend on what else is fed with it.
"""

from __future__ import annotations

from types import SimpleNamespace

import llvmlite.ir as ir

from .code import Code, Variable
from .cpus import Cpu
from .elementwise import exp
from .heads import get, heads_of, put, width_of, write_prepare
from .tables import Attention, Cache
from .team import Team
from .values import F32, I16, I32, Value, vector

CHAINS = 2
"""How many sums a row of scores or outputs is kept in, so that none waits for the one before."""

ACCUMULATORS = 8
"""How many sums are kept at once where few queries are held against the cache."""

AHEAD = 2048
"""Bytes of keys and values that are asked for early."""

MASKED = -1e30


def write_attention(module: ir.Module, cpu: Cpu, *, alone: bool) -> None:
    """Write ``attention(table, m, cos, sin)`` of an ``Attention``.

    All threads run through it; ``cos`` and ``sin`` are ``(m, head_dim / 2)``.
    """
    write_prepare(module, cpu)
    for queries in cpu.queries:
        _write_attend(module, cpu, queries)
    c = Code(module, "attention", "table", "m", "cos", "sin")
    at, m, cos, sin = c.arguments
    team = Team(c, alone=alone)
    t = c.read(Attention, at)
    cache = c.read(Cache, t.cache)
    c.call("prepare", at, cos, sin, *team.share(m * heads_of(t)))
    team.wait()
    most, rows = cpu.queries[0], m * (t.n_heads // t.n_kv_heads)
    tiles = (rows + (most - 1)) // most
    scores = cache.scores + team.thread * cache.scores_per_thread
    with c.loop(*team.share(t.n_kv_heads * tiles)) as unit:
        head, row = unit // tiles, unit % tiles * most
        _call_attend(c, cpu, (at, scores, head, row, rows), rows - row)
    team.wait()
    c.done()


def _call_attend(c: Code, cpu: Cpu, arguments: tuple[Value, ...], left: Value) -> None:
    """Attend with the greatest number of queries, or with the least that has all that are left."""
    least = [c.number(0), *(c.number(n) for n in reversed(cpu.queries[1:]))]
    for queries, fewer in zip(cpu.queries, reversed(least), strict=True):
        enough = left > fewer
        if queries != cpu.queries[0]:
            enough = enough & (left < queries + 1)
        with c.when(enough):
            c.call(f"attend.{queries}", *arguments)


class _Query:
    """One of the queries that attend at once: where it stands, and which tokens it sees."""

    def __init__(self, c: Code, t: SimpleNamespace, position: Value, head: Value, row: Value):
        group = t.n_heads // t.n_kv_heads
        token, own_head = row // group, head * group + row % group
        self.x = t.qkv + (token * heads_of(t) + own_head) * t.head_dim * 4
        self.out = t.out + (token * t.n_heads + own_head) * t.head_dim * 4
        self.newest = position + token
        start = (self.newest - t.window + 1).above(0)
        self.oldest = c.pick(t.window > 0, start, c.number(0))


def _write_attend(module: ir.Module, cpu: Cpu, queries: int) -> None:
    """Write ``attend.N``: N queries of one head of keys, from the ``row``th of its queries on.

    Those of a head are counted token by token. Where there are fewer, the last one stands for the
    rest: it is computed again, and comes out the same.
    """
    c = Code(module, f"attend.{queries}", "table", "scores", "head", "row", "n_rows")
    at, scores, head, row, n_rows = c.arguments
    t = c.read(Attention, at)
    cache = c.read(Cache, t.cache)
    rows = [(row + i).below(n_rows - 1) for i in range(queries)]
    each = [_Query(c, t, cache.position, head, r) for r in rows]
    weights = [scores + cache.capacity * (4 * i) for i in range(queries)]
    blocks = each[0].oldest // cpu.lanes, each[-1].newest // cpu.lanes + 1
    keys = t.keys + head * cache.capacity * t.head_dim * 2
    values = t.values + head * cache.capacity * width_of(cpu, t.head_dim) * 2
    peaks = _write_scores(c, cpu, t.head_dim, keys, each, weights, blocks)
    inverses = _write_softmax(c, cpu, weights, peaks, blocks)
    _write_sums(c, cpu, t.head_dim, values, each, weights, inverses, blocks)
    c.done()


def _write_scores(
    c: Code,
    cpu: Cpu,
    head_dim: Value,
    keys: Value,
    each: list[_Query],
    weights: list[Value],
    blocks: tuple[Value, Value],
) -> list[Value]:
    """Write the products of queries with keys; returns the greatest of each query."""
    kind = vector(F32, cpu.lanes)
    peaks = [c.variable(c.constant(kind, MASKED)) for _ in each]
    with c.loop(*blocks) as block:
        block_keys = keys + block * head_dim * (2 * cpu.lanes)
        totals = [[c.variable(c.zeros(kind)) for _ in range(CHAINS)] for _ in each]
        with c.loop(0, head_dim, CHAINS) as i:
            c.prefetch(block_keys + (i * (2 * cpu.lanes) + AHEAD))
            for chain in range(CHAINS):
                number = _halves(c, cpu, block_keys + (i + chain) * (2 * cpu.lanes))
                for query, sums in zip(each, totals, strict=True):
                    by = get(c, query.x, i + chain).splat(cpu.lanes)
                    sums[chain].value = number * by + sums[chain].value
        tokens = _counting(c, cpu.lanes, block * cpu.lanes)
        for query, sums, peak, at in zip(each, totals, peaks, weights, strict=True):
            score = _added(sums)
            for hidden in (
                tokens > query.newest.narrow(I32).splat(cpu.lanes),
                tokens < query.oldest.narrow(I32).splat(cpu.lanes),
            ):
                score = c.pick(hidden, score.like(MASKED), score)
            c.store(score, at + block * (4 * cpu.lanes), align=4)
            peak.value = peak.value.above(score)
    return [peak.value.greatest() for peak in peaks]


def _write_softmax(
    c: Code, cpu: Cpu, weights: list[Value], peaks: list[Value], blocks: tuple[Value, Value]
) -> list[Value]:
    """Write what turns scores into weights that aren't divided yet; returns what to multiply by."""
    kind = vector(F32, cpu.lanes)
    totals = [c.variable(c.zeros(kind)) for _ in weights]
    with c.loop(*blocks) as block:
        for at, peak, total in zip(weights, peaks, totals, strict=True):
            place = at + block * (4 * cpu.lanes)
            score = c.load(kind, place, align=4)
            weight = exp(score - peak.splat(cpu.lanes))
            weight = c.pick(score > MASKED, weight, weight.like(0.0))
            c.store(weight, place, align=4)
            total.value = total.value + weight
    return [c.constant(F32, 1.0) / total.value.sum() for total in totals]


def _write_sums(
    c: Code,
    cpu: Cpu,
    head_dim: Value,
    values: Value,
    each: list[_Query],
    weights: list[Value],
    inverses: list[Value],
    blocks: tuple[Value, Value],
) -> None:
    """Write the weighted sums of the values, as many of their numbers at a time as fit."""
    at_once = max(1, ACCUMULATORS // (CHAINS * len(each))) * cpu.lanes
    width = head_dim // at_once * at_once
    for columns, start, stop in ((at_once, c.number(0), width), (cpu.lanes, width, head_dim)):
        with c.loop(start, stop, columns) as first:
            at = list(range(0, columns, cpu.lanes))
            sums = _weighted(c, cpu, values, width_of(cpu, head_dim), first, at, weights, blocks)
            for query, inverse, totals in zip(each, inverses, sums, strict=True):
                for column, total in zip(at, totals, strict=True):
                    place = first + column
                    number = total * inverse.splat(cpu.lanes)
                    _put_columns(c, number, query.out + place * 4, head_dim - place)


def _weighted(
    c: Code,
    cpu: Cpu,
    values: Value,
    width: Value,
    first: Value,
    columns: list[int],
    weights: list[Value],
    blocks: tuple[Value, Value],
) -> list[list[Value]]:
    """Write the weighted sums of these columns: of every query, a register of each."""
    zeros = c.zeros(vector(F32, cpu.lanes))
    totals = [[[c.variable(zeros) for _ in range(CHAINS)] for _ in columns] for _ in weights]
    start, stop = (block * cpu.lanes for block in blocks)
    with c.loop(start, stop, CHAINS) as token:
        for chain in range(CHAINS):
            place = values + ((token + chain) * width + first) * 2
            for line in range(0, len(columns) * 2 * cpu.lanes, 64):
                c.prefetch(place + (AHEAD + line))
            numbers = [_halves(c, cpu, place + column * 2) for column in columns]
            for at, sums in zip(weights, totals, strict=True):
                by = get(c, at, token + chain).splat(cpu.lanes)
                for number, chains in zip(numbers, sums, strict=True):
                    chains[chain].value = number * by + chains[chain].value
    return [[_added(chains) for chains in sums] for sums in totals]


def _put_columns(c: Code, numbers: Value, place: Value, left: Value) -> None:
    """Store a register, or as many of its numbers as there is room for."""
    with c.choose(left < numbers.lanes) as (short, whole):
        with whole:
            c.store(numbers, place, align=4)
        with short:
            kept = c.buffer(numbers.ir.type)
            c.store(numbers, kept)
            with c.loop(0, left) as i:
                put(c, place, i, get(c, kept, i))


def _halves(c: Code, cpu: Cpu, place: Value) -> Value:
    return cpu.half(c.load(vector(I16, cpu.lanes), place, align=2 * cpu.lanes))


def _added(sums: list[Variable]) -> Value:
    first, second = sums
    return first.value + second.value


def _counting(c: Code, lanes: int, start: Value) -> Value:
    """Count from ``start`` on, a lane each."""
    steps = Value(c.builder, ir.Constant(vector(I32, lanes), list(range(lanes))))
    return steps + start.narrow(I32).splat(lanes)
