"""A graph's ``.param`` text, splits and parameters included."""

from __future__ import annotations

import pytest

from convert.graph import Graph, Layer, Params


def test_a_small_graph_is_this_text() -> None:
    g = Graph()
    x = g.add("Input", "x", ())
    a, _ = "a", g.add("Slice", "cut", (x,), {0: (2, -233), 1: 1}, outputs=("a", "b"))
    g.add("BinaryOp", "y", (a, "b"), {0: 2})
    g.add("RMSNorm", "z", ("y",), {2: 1, 0: 4, 1: 1e-5})
    assert g.to_param() == (
        "7767517\n4 5\n"
        "Input x 0 1 x\n"
        "Slice cut 1 2 x a b -23300=2,2,-233 1=1\n"
        "BinaryOp y 2 1 a b y 0=2\n"
        "RMSNorm z 1 1 y z 0=4 1=1.000000000e-05 2=1\n"
    )


def test_a_blob_with_several_readers_is_split_and_one_with_one_is_not() -> None:
    g = Graph()
    g.add("Input", "x", ())
    g.add("BinaryOp", "twice", ("x", "x"), {0: 0})
    g.add("BinaryOp", "y", ("twice", "x"), {0: 0})
    lines = g.to_param().splitlines()[2:]
    assert lines == [
        "Input x 0 1 x",
        "Split split.x 1 3 x x.0 x.1 x.2",
        "BinaryOp twice 2 1 x.0 x.1 twice 0=0",
        "BinaryOp y 2 1 twice x.2 y 0=0",
    ]


@pytest.mark.parametrize("value", [1e-5, 1.0, 123456.0, 0.125, 1e30])
def test_a_float_never_looks_like_an_int(value: float) -> None:
    params: Params = {1: value}
    g = Graph([Layer("Noop", "n", (), ("n",), params)])
    text = g.to_param().split("1=")[1]
    assert "." in text
    assert float(text) == pytest.approx(value, rel=1e-9)
