"""The layers of a decoder and its head, each a region that all threads run through together.

As many layers as are wanted are one region: a call from Python and a wake-up of the threads cost as
much as a small matrix.
"""

from __future__ import annotations

from ctypes import sizeof
from types import SimpleNamespace

import llvmlite.ir as ir

from .activations import quantise
from .attention import write_attention
from .code import Code
from .cpus import Cpu
from .elementwise import silu
from .panels import each_tile, put_away, shares_of
from .tables import (
    Attention,
    DecoderLayer,
    Head,
    Layers,
    Matrix,
    NormProducts,
    OutMlp,
    Scratch,
)
from .team import Team, write_entry
from .values import Value

PARTS = ("qkv", "attention", "mlp")
"""Of a ``DecoderLayer``, in the order that they are computed in."""


def write_layers(module: ir.Module, cpu: Cpu, *, alone: bool) -> None:
    """Write ``layers(table, threads)`` of a ``Layers``."""
    _write_norm_products(module, cpu, alone=alone)
    write_attention(module, cpu, alone=alone)
    _write_out_mlp(module, cpu, alone=alone)
    c = Code(module, "layers.work", "table")
    t, team = c.read(Layers, c.arguments[0]), Team(c, alone=alone)
    x = c.variable(t.x)
    with c.loop(0, t.n_layers) as i:
        layer = t.layers + i * sizeof(DecoderLayer)
        qkv, attention, mlp = (layer + getattr(DecoderLayer, n).offset for n in PARTS)
        c.call("norm_products", qkv, x.value, t.m, c.read(Attention, attention).qkv)
        team.wait()
        c.call("attention", attention, t.m, t.cos, t.sin)
        c.call("out_mlp", mlp, x.value, t.m, t.out)
        team.wait()
        x.value = t.out
    c.done()
    write_entry(module, c.name, "layers", alone=alone)


def write_head(module: ir.Module, *, alone: bool) -> None:
    """Write ``head(table, threads)`` of a ``Head``."""
    c = Code(module, "head.work", "table")
    at = c.arguments[0]
    t = c.read(Head, at)
    c.call("norm_products", at + Head.products.offset, t.x, t.m, t.out)
    c.done()
    write_entry(module, c.name, "head", alone=alone)


def _write_norm_products(module: ir.Module, cpu: Cpu, *, alone: bool) -> None:
    """Write ``norm_products(table, x, m, out)`` of a ``NormProducts``."""
    c = Code(module, "norm_products", "table", "x", "m", "out")
    at, x, m, to = c.arguments
    t, team = c.read(NormProducts, at), Team(c, alone=alone)
    epsilon, scratch = (at + getattr(NormProducts, n).offset for n in ("epsilon", "scratch"))
    quantise(c, team, (x, m, t.dim), scratch, (t.gain, epsilon))
    out = c.variable(to)
    with c.loop(0, t.n_matrices) as i:
        matrix = t.matrices + i * sizeof(Matrix)
        _call_product(c, cpu, team, matrix, scratch, (out.value, m, t.out_dim))
        out.value = out.value + c.read(Matrix, matrix).rows * 4
    c.done()


def _write_out_mlp(module: ir.Module, cpu: Cpu, *, alone: bool) -> None:
    """Write ``out_mlp(table, x, m, out)``: attention's output matrix, the MLP, both residuals.

    ``out`` may be ``x``.
    """
    c = Code(module, "out_mlp", "table", "x", "m", "out")
    at, x, m, to = c.arguments
    t, team = c.read(OutMlp, at), Team(c, alone=alone)
    names = ("epsilon", "scratch", "o", "down")
    epsilon, scratch, o, down = (at + getattr(OutMlp, name).offset for name in names)
    out = (to, m, t.dim)
    quantise(c, team, (t.att, m, t.q_dim), scratch)
    _call_product(c, cpu, team, o, scratch, out, beside=x)
    team.wait()
    quantise(c, team, out, scratch, (t.gain, epsilon))
    c.call("gated", at, m, *team.share(shares_of(cpu, t.gate.n_panels)))
    team.wait()
    quantise(c, team, (t.hidden, m, t.hidden_dim), scratch)
    _call_product(c, cpu, team, down, scratch, out, beside=to)
    c.done()


def write_product(module: ir.Module, cpu: Cpu) -> None:
    """Write ``product``: a share of a matrix's panels times all rows of activations.

    Takes the ``Matrix``, the ``Scratch``, the floats that the result goes to, the number of rows
    and their length, the floats that it is added to (0 for none), and which panels.
    """
    arguments = ("matrix", "scratch", "out", "m", "out_dim", "beside", "first", "last")
    c = Code(module, "product", *arguments)
    matrix, scratch = (c.read(k, a) for k, a in zip((Matrix, Scratch), c.arguments, strict=False))
    out, m, out_dim, beside, first, last = c.arguments[2:]

    def finish(row: Value, panel: Value, sums: list[Value]) -> None:
        def put(column: Value, sums: list[Value]) -> None:
            place = (row * out_dim + column) * 4
            total = c.variable(_biased(c, sums[0], matrix, column))
            with c.when(beside > 0):
                total.value = total.value + c.load(sums[0].ir.type, beside + place, align=4)
            c.store(total.value, out + place, align=4)

        put_away(c, panel, matrix.rows, sums, put)

    each_tile(c, cpu, (matrix,), (scratch, m), (first, last), finish)
    c.done()


def write_gated(module: ir.Module, cpu: Cpu) -> None:
    """Write ``gated``: a share of ``hidden = silu(gate(x)) * up(x)`` of an ``OutMlp``."""
    c = Code(module, "gated", "table", "m", "first", "last")
    at, m, first, last = c.arguments
    t = c.read(OutMlp, at)

    def finish(row: Value, panel: Value, sums: list[Value]) -> None:
        def put(column: Value, sums: list[Value]) -> None:
            gate, up = (_biased(c, s, m, column) for s, m in zip(sums, (t.gate, t.up), strict=True))
            place = (row * t.hidden_dim + column) * 4
            c.store(silu(gate) * up, t.hidden + place, align=4)

        put_away(c, panel, t.gate.rows, sums, put)

    each_tile(c, cpu, (t.gate, t.up), (t.scratch, m), (first, last), finish)
    c.done()


def _call_product(
    c: Code,
    cpu: Cpu,
    team: Team,
    matrix: Value,
    scratch: Value,
    out: tuple[Value, Value, Value],
    beside: Value | None = None,
) -> None:
    share = team.share(shares_of(cpu, c.read(Matrix, matrix).n_panels))
    c.call("product", matrix, scratch, *out, beside or c.number(0), *share)


def _biased(c: Code, sums: Value, matrix: SimpleNamespace, column: Value) -> Value:
    total = c.variable(sums)
    with c.when(matrix.bias > 0):
        total.value = sums + c.load(sums.ir.type, matrix.bias + column * 4, align=4)
    return total.value
