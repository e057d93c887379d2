"""The layers of a decoder, each one region that all threads run through together.

A layer is whole, its attention inside: a call from Python and a wake-up of the threads cost as much
as a small matrix.
"""

from __future__ import annotations

from ctypes import sizeof
from types import SimpleNamespace

import llvmlite.ir as ir

from .activations import quantise
from .code import Code
from .cpus import Cpu
from .elementwise import silu
from .panels import each_tile, put_away, shares_of
from .tables import DecoderLayer, Matrix, NormProducts, OutMlp, Scratch
from .team import Team, write_entry
from .values import Value


def write_norm_products(module: ir.Module, cpu: Cpu, *, alone: bool) -> None:
    """Write ``norm_products(table, threads)``: an RMSNorm, and its products with matrices.

    Their outputs stand one beside the other in every row of ``out``.
    """
    c = Code(module, "norm_products.work", "table")
    at = c.arguments[0]
    t, team = c.read(NormProducts, at), Team(c, alone=alone)
    epsilon, scratch = (at + getattr(NormProducts, n).offset for n in ("epsilon", "scratch"))
    quantise(c, team, (t.x, t.m, t.dim), scratch, (t.gain, epsilon))
    out = c.variable(t.out)
    with c.loop(0, t.n_matrices) as i:
        matrix = t.matrices + i * sizeof(Matrix)
        _call_product(c, cpu, team, matrix, scratch, (out.value, t.m, t.out_dim))
        out.value = out.value + c.read(Matrix, matrix).rows * 4
    c.done()
    write_entry(module, c.name, "norm_products", alone=alone)


def write_decoder_layer(module: ir.Module, *, alone: bool) -> None:
    """Write ``decoder_layer(table, threads)``: all of a layer, from its input to its output."""
    c = Code(module, "decoder_layer.work", "table")
    at, team = c.arguments[0], Team(c, alone=alone)
    c.call("norm_products.work", at + DecoderLayer.qkv.offset)
    team.wait()
    c.call("attention.work", at + DecoderLayer.attention.offset)
    c.call("out_mlp.work", at + DecoderLayer.mlp.offset)
    c.done()
    write_entry(module, c.name, "decoder_layer", alone=alone)


def write_out_mlp(module: ir.Module, cpu: Cpu, *, alone: bool) -> None:
    """Write ``out_mlp.work(table)``: attention's output matrix, the MLP, and both residuals."""
    c = Code(module, "out_mlp.work", "table")
    at = c.arguments[0]
    t, team = c.read(OutMlp, at), Team(c, alone=alone)
    names = ("epsilon", "scratch", "o", "down")
    epsilon, scratch, o, down = (at + getattr(OutMlp, name).offset for name in names)
    out = (t.out, t.m, t.dim)
    quantise(c, team, (t.att, t.m, t.q_dim), scratch)
    _call_product(c, cpu, team, o, scratch, out, beside=t.x)
    team.wait()
    quantise(c, team, out, scratch, (t.gain, epsilon))
    c.call("gated", at, *team.share(shares_of(cpu, t.gate.n_panels)))
    team.wait()
    quantise(c, team, (t.hidden, t.m, t.hidden_dim), scratch)
    _call_product(c, cpu, team, down, scratch, out, beside=t.out)
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
    c = Code(module, "gated", "table", "first", "last")
    at, first, last = c.arguments
    t = c.read(OutMlp, at)

    def finish(row: Value, panel: Value, sums: list[Value]) -> None:
        def put(column: Value, sums: list[Value]) -> None:
            gate, up = (_biased(c, s, m, column) for s, m in zip(sums, (t.gate, t.up), strict=True))
            place = (row * t.hidden_dim + column) * 4
            c.store(silu(gate) * up, t.hidden + place, align=4)

        put_away(c, panel, t.gate.rows, sums, put)

    each_tile(c, cpu, (t.gate, t.up), (t.scratch, t.m), (first, last), finish)
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
