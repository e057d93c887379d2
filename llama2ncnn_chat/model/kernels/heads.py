"""What becomes of new tokens' heads before attention: normed, turned, and put in place.

The cache of a layer: of every head of keys and values, the keys stand in blocks of as many tokens
as the CPU has lanes, ``(capacity / lanes, head_dim, lanes)``, so that one load has the same number
of neighbouring tokens. The values are ``(capacity, width)``, a token's numbers filled up to whole
registers with zeros. All are float16.
"""

from __future__ import annotations

from types import SimpleNamespace

import llvmlite.ir as ir

from .activations import norm_scale
from .code import Code
from .cpus import Cpu
from .tables import Attention, Cache
from .values import F32, Value

LARGEST_HALF = 65504.0


def width_of(cpu: Cpu, head_dim: Value) -> Value:
    """Count the numbers that a token's values take in the cache."""
    return (head_dim + (cpu.lanes - 1)) // cpu.lanes * cpu.lanes


def heads_of(t: SimpleNamespace) -> Value:
    """Count the heads of a token: of queries, keys and values."""
    heads: Value = t.n_heads + t.n_kv_heads * 2
    return heads


def write_prepare(module: ir.Module, cpu: Cpu) -> None:
    """Write ``prepare``: a share of the heads of all tokens, normed, turned, and put in place.

    Queries are scaled where they are, keys and values go into the cache.
    """
    c = Code(module, "prepare", "table", "cos", "sin", "first", "last")
    at, cos, sin, first, last = c.arguments
    t = c.read(Attention, at)
    cache = c.read(Cache, t.cache)
    with c.loop(first, last) as index:
        row, head = index // heads_of(t), index % heads_of(t)
        x = t.qkv + index * t.head_dim * 4
        token = cache.position + row
        with c.when(head < t.n_heads + t.n_kv_heads):
            _norm(c, t, x, c.pick(head < t.n_heads, t.q_norm, t.k_norm))
            with c.when(t.turns > 0):
                _turn(c, t, x, (cos, sin), row)
        kv_head = head - t.n_heads
        with c.choose(kv_head < 0) as (query, other):
            with query, c.loop(0, t.head_dim) as i:
                put(c, x, i, get(c, x, i) * t.scale)
            with other, c.choose(kv_head < t.n_kv_heads) as (key, value):
                with key:
                    block, lane = token // cpu.lanes, token % cpu.lanes
                    begin = (kv_head * cache.capacity + block * cpu.lanes) * t.head_dim + lane
                    _keep(c, cpu, x, t.head_dim, t.keys + begin * 2, step=cpu.lanes)
                with value:
                    begin = (kv_head - t.n_kv_heads) * cache.capacity + token
                    place = t.values + begin * width_of(cpu, t.head_dim) * 2
                    _keep(c, cpu, x, t.head_dim, place, step=1)
    c.done()


def _norm(c: Code, t: SimpleNamespace, x: Value, gain: Value) -> None:
    """Apply an RMSNorm to a head, if it has a gain."""
    with c.when(gain > 0):
        scale = norm_scale(c, x, t.head_dim, t.epsilon)
        with c.loop(0, t.head_dim) as i:
            put(c, x, i, get(c, x, i) * scale * get(c, gain, i))


def _turn(c: Code, t: SimpleNamespace, x: Value, tables: tuple[Value, Value], row: Value) -> None:
    """Turn the pairs of a head by the angles of its position."""
    half = t.head_dim // 2
    neighbours, one, two = t.interleaved > 0, c.number(1), c.number(2)
    step, apart = c.pick(neighbours, two, one), c.pick(neighbours, one, half)
    with c.loop(0, half) as pair:
        cos, sin = (get(c, table, row * half + pair) for table in tables)
        i = pair * step
        real, imaginary = get(c, x, i), get(c, x, i + apart)
        put(c, x, i, real * cos - imaginary * sin)
        put(c, x, i + apart, real * sin + imaginary * cos)


def _keep(c: Code, cpu: Cpu, x: Value, n: Value, place: Value, *, step: int) -> None:
    """Put numbers into the cache, ``step`` apart."""
    with c.loop(0, n) as i:
        inside = get(c, x, i).above(-LARGEST_HALF).below(LARGEST_HALF)
        c.store(cpu.to_half(inside), place + i * (2 * step), align=2)


def get(c: Code, numbers: Value, i: Value) -> Value:
    """Read a float32 of a row by its number."""
    return c.load(F32, numbers + i * 4, align=4)


def put(c: Code, numbers: Value, i: Value, value: Value) -> None:
    """Write a float32 of a row by its number."""
    c.store(value, numbers + i * 4, align=4)
