"""The Llama decoder as an ncnn graph: what runs, in which order, and which tensors it wants.

Two subgraphs that share no blob: the trunk (``x`` to ``hidden`` and the caches) and the head
(``head_in`` to ``logits``), so that a prefill computes logits for the rows that are wanted.
Shapes are ncnn's, ``(w, h, c)`` with ``w`` contiguous; M rows are fed, P stand in the cache.
"""

from __future__ import annotations

from dataclasses import fields

from . import desc
from .errors import ConvertError
from .graph import Graph, Matrix, Params, RowScales, Vector
from .layout import ModelConfig
from .weights import BLOCKS, WeightFormat, weight_format

SINGLE_THREAD: Params = {31: 1 << 7}
"""ncnn's feature mask that runs a layer on one thread.

A decode step has some 20 layers of a few thousand values per block; each would wake and join the
thread pool for microseconds of work. The Gemms and the attention alone are worth it.
"""


def build(config: ModelConfig, fmt: WeightFormat) -> Graph:
    """The whole graph of a model whose matrices are kept in ``fmt``."""
    g = Graph()
    for name in (desc.X, desc.COS, desc.SIN, desc.MASK):
        g.add("Input", name, ())
    for i in range(config.n_layers):
        for name in desc.cache_in(i):
            g.add("Input", name, ())
    x = desc.X
    for i in range(config.n_layers):
        x = _attention(g, config, fmt, i, x)
        x = _feed_forward(g, config, fmt, i, x)
    g.add("Noop", desc.HIDDEN, (x,))
    _head(g, config, fmt)
    return g


def param_of(d: desc.ModelDesc) -> str:
    """The ``.param`` that this converter writes for a description. Raises ``ConvertError``.

    A graph that says anything else could have ncnn read past its memory.
    """
    try:
        fmt = weight_format(d.weights, d.block or BLOCKS[0])
    except (KeyError, ValueError):
        raise ConvertError(f"weights {d.weights!r} in blocks of {d.block} aren't known") from None
    shape = {f.name: getattr(d, f.name) for f in fields(ModelConfig)}
    return build(ModelConfig(**shape), fmt).to_param()


def _attention(g: Graph, c: ModelConfig, fmt: WeightFormat, i: int, x: str) -> str:
    p = f"l{i}."
    h = _norm(g, c, f"{p}att_norm", x, Vector("rms_att", i))
    rows = (c.dim, c.kv_dim, c.kv_dim)
    qkv = _linear(g, fmt, f"{p}qkv", h, sum(rows), c.dim, Matrix(("wq", "wk", "wv"), i))
    parts = (f"{p}q_row", f"{p}k_row", f"{p}v_row")
    g.add("Slice", f"{p}qkv_split", (qkv,), {0: rows, 1: 1, **SINGLE_THREAD}, outputs=parts)
    q, k, v = (
        _heads(g, c.head_dim, n, p + name, part)
        for name, n, part in zip("qkv", (c.n_heads, c.n_kv_heads, c.n_kv_heads), parts, strict=True)
    )
    q, k = (
        g.add("RotaryEmbed", f"{b}_rope", (b, desc.COS, desc.SIN), {0: 1, **SINGLE_THREAD})
        for b in (q, k)
    )
    att = g.add(
        "SDPA",
        f"{p}att",
        (q, k, v, desc.MASK, *desc.cache_in(i)),
        {5: 1, 6: c.head_dim**-0.5, 7: 1},
        outputs=(f"{p}att", *desc.cache_out(i)),
    )
    # (head_dim, M, heads) -> (head_dim, heads, M) -> (dim, M)
    att = g.add("Permute", f"{p}att_t", (att,), {0: 2, **SINGLE_THREAD})
    att = g.add("Reshape", f"{p}att_row", (att,), {0: c.dim, 1: -1, **SINGLE_THREAD})
    out = _linear(g, fmt, f"{p}o", att, c.dim, c.dim, Matrix(("wo",), i))
    return _binary(g, f"{p}att_add", x, out, 0)


def _heads(g: Graph, head_dim: int, n_heads: int, name: str, row: str) -> str:
    # (n_heads * head_dim, M) -> (head_dim, heads, M) -> (head_dim, M, heads)
    split: Params = {0: head_dim, 1: n_heads, 2: -1, **SINGLE_THREAD}
    h = g.add("Reshape", f"{name}_heads", (row,), split)
    return g.add("Permute", f"{name}_t", (h,), {0: 2, **SINGLE_THREAD})


def _feed_forward(g: Graph, c: ModelConfig, fmt: WeightFormat, i: int, x: str) -> str:
    p = f"l{i}."
    h = _norm(g, c, f"{p}ffn_norm", x, Vector("rms_ffn", i))
    both = _linear(g, fmt, f"{p}gate_up", h, 2 * c.hidden_dim, c.dim, Matrix(("w1", "w3"), i))
    parts = (f"{p}gate", f"{p}up")
    halves = (c.hidden_dim, c.hidden_dim)
    g.add("Slice", f"{p}gate_up_split", (both,), {0: halves, 1: 1, **SINGLE_THREAD}, outputs=parts)
    gate = g.add("Swish", f"{p}swish", (parts[0],), {**SINGLE_THREAD})
    product = _binary(g, f"{p}glu", gate, parts[1], 2)
    down = _linear(g, fmt, f"{p}down", product, c.dim, c.hidden_dim, Matrix(("w2",), i))
    return _binary(g, f"{p}ffn_add", x, down, 0)


def _head(g: Graph, c: ModelConfig, fmt: WeightFormat) -> None:
    g.add("Input", desc.HEAD_IN, ())
    h = _norm(g, c, "final_norm", desc.HEAD_IN, Vector("rms_final", 0))
    classifier = Matrix(("embedding" if c.tied else "classifier",), 0)
    _linear(g, fmt, desc.LOGITS, h, c.vocab_size, c.dim, classifier)


def _norm(g: Graph, c: ModelConfig, name: str, x: str, gain: Vector) -> str:
    params: Params = {0: c.dim, 1: c.norm_eps, 2: 1, **SINGLE_THREAD}
    return g.add("RMSNorm", name, (x,), params, weights=gain)


def _linear(
    g: Graph, fmt: WeightFormat, name: str, x: str, rows: int, cols: int, weights: Matrix
) -> str:
    # (cols, M) -> (rows, M): Gemm with constant B, transposed; no C.
    params: Params = {2: 0, 3: 1, 4: 0, 5: 1, 6: 1, 7: 0, 8: rows, 9: cols, 10: -1}
    if fmt.quantize_term:
        params[18] = fmt.quantize_term
    if not fmt.row_scales:
        return g.add("Gemm", name, (x,), params, weights=weights)
    product = g.add("Gemm", f"{name}_int8", (x,), params, weights=weights)
    shape: Params = {0: rows, 1: 1, **SINGLE_THREAD}
    scales = g.add("MemoryData", f"{name}_scales", (), shape, weights=RowScales(weights))
    return _binary(g, name, product, scales, 2)


def _binary(g: Graph, name: str, a: str, b: str, op: int) -> str:
    return g.add("BinaryOp", name, (a, b), {0: op, **SINGLE_THREAD})
