"""What Python tells the kernels: tables of addresses, counts and a few numbers.

A kernel reads its table by the same declaration (``Code.read``), so that there is one.
"""

from __future__ import annotations

from ctypes import Structure, c_float, c_int64


def _counts(*names: str) -> list[tuple[str, type[c_int64]]]:
    return [(name, c_int64) for name in names]


class Matrix(Structure):
    """A matrix in panels: where they lie, how many there are, and its bias (0 for none)."""

    _fields_ = _counts("panels", "n_panels", "panel_bytes", "n_blocks", "bits", "rows", "bias")


class Scratch(Structure):
    """Memory for activations: signed bytes, and a step and a sum for every 32 of them."""

    _fields_ = _counts("values", "steps", "sums")


class NormProducts(Structure):
    """A norm and the products of several matrices, one beside the other.

    ``x`` is ``(m, dim)``, ``out`` ``(m, out_dim)``, ``gain`` ``(dim,)``; ``matrices`` is where
    ``n_matrices`` of them stand.
    """

    _fields_ = [
        *_counts("x", "out", "m", "dim", "out_dim", "gain", "n_matrices", "matrices"),
        ("epsilon", c_float),
        ("scratch", Scratch),
    ]


class OutMlp(Structure):
    """What follows attention in a decoder layer.

    ``att`` is ``(m, q_dim)``, ``x`` and ``out`` ``(m, dim)``, ``gain`` ``(dim,)``, ``hidden``
    memory for ``(m, hidden_dim)``.
    """

    _fields_ = [
        *_counts("att", "x", "out", "m", "q_dim", "dim", "hidden_dim", "gain", "hidden"),
        ("epsilon", c_float),
        ("scratch", Scratch),
        ("o", Matrix),
        ("gate", Matrix),
        ("up", Matrix),
        ("down", Matrix),
    ]
