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
    """A norm, of rows ``(m, dim)``, and their products with several matrices, ``(m, out_dim)``.

    The products stand one beside the other. ``gain`` is ``(dim,)``; ``matrices`` is where
    ``n_matrices`` of them stand.
    """

    _fields_ = [
        *_counts("dim", "out_dim", "gain", "n_matrices", "matrices"),
        ("epsilon", c_float),
        ("scratch", Scratch),
    ]


class Cache(Structure):
    """What the layers of a model share of their caches: room, and how many tokens they hold.

    ``capacity`` is a multiple of the CPU's lanes; ``scores`` is memory for ``scores_per_thread``
    bytes a thread.
    """

    _fields_ = _counts("position", "capacity", "scores", "scores_per_thread")


class Attention(Structure):
    """The attention of a layer: ``m`` tokens to themselves and to those that the cache holds.

    ``qkv`` is ``(m, heads of queries, keys and values, head_dim)``, and written to; ``out``
    ``(m, n_heads, head_dim)``. ``turns`` says whether positions turn anything, ``interleaved``
    which pairs; ``q_norm`` and ``k_norm`` are gains ``(head_dim,)``, 0 for none. With a ``window``,
    a token sees only so many. ``keys`` and ``values`` are this layer's, in the order of
    ``heads``; ``cache`` is where the ``Cache`` stands.
    """

    _fields_ = [
        *_counts("qkv", "out", "n_heads", "n_kv_heads", "head_dim", "turns", "interleaved"),
        *_counts("q_norm", "k_norm", "window", "keys", "values", "cache"),
        ("epsilon", c_float),
        ("scale", c_float),
    ]


class OutMlp(Structure):
    """What follows attention in a decoder layer.

    ``att`` is ``(m, q_dim)``, ``gain`` ``(dim,)``, ``hidden`` memory for ``(m, hidden_dim)``.
    """

    _fields_ = [
        *_counts("att", "q_dim", "dim", "hidden_dim", "gain", "hidden"),
        ("epsilon", c_float),
        ("scratch", Scratch),
        ("o", Matrix),
        ("gate", Matrix),
        ("up", Matrix),
        ("down", Matrix),
    ]


class DecoderLayer(Structure):
    """A whole layer of the decoder, its three parts one after the other."""

    _fields_ = [("qkv", NormProducts), ("attention", Attention), ("mlp", OutMlp)]


class Layers(Structure):
    """Layers of the decoder, one after the other, and what they are to compute.

    ``x`` and ``out`` are ``(m, dim)``, ``cos`` and ``sin`` ``(m, head_dim / 2)`` of the tokens'
    positions; ``layers`` is where ``n_layers`` of them stand.
    """

    _fields_ = _counts("x", "out", "m", "cos", "sin", "layers", "n_layers")


class Head(Structure):
    """The last norm and the classifier: ``x`` is ``(m, dim)``, ``out`` ``(m, vocab_size)``."""

    _fields_ = [*_counts("x", "out", "m"), ("products", NormProducts)]
