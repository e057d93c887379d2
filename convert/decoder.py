"""The decoder as an ncnn graph: what runs, in which order, and which tensors it wants.

The decoder is made of ncnn's layers, a Gemm for every matrix and its attention, or is one layer of
our own, as the codec says.

Two subgraphs that share no blob: the trunk (``x`` to ``hidden`` and the caches) and the head
(``head_in`` to ``logits``), so that a prefill computes logits for the rows that are wanted.
Shapes are ncnn's, ``(w, h, c)`` with ``w`` contiguous; M rows are fed, P stand in the cache.
"""

from __future__ import annotations

from typing import Protocol

from . import desc
from .errors import ConvertError
from .format_names import DEFAULT_BLOCK
from .formats import codec_of
from .formats.codec import Codec
from .formats.mixture import parse_matrices
from .graph import Graph, Mapped, Matrix, Panels, Params, RowScales, Vector, Weights
from .shape import ModelShape

SINGLE_THREAD: Params = {31: 1 << 7}
"""ncnn's feature mask that runs a layer on one thread.

A decode step has some 20 layers of a few thousand values per block; each would wake and join the
thread pool for microseconds of work. The Gemms and the attention alone are worth it.
"""

ADD, MULTIPLY = 0, 2
"""Of ncnn's BinaryOp."""

BIAS_OF = {"wq": "bq", "wk": "bk", "wv": "bv", "wo": "bo", "w1": "b1", "w2": "b2", "w3": "b3"}
"""The bias that is added to a matrix's product, where the shape has it."""


def build(shape: ModelShape, codec: Codec) -> Graph:
    """Build the whole graph of a model whose matrices are kept by ``codec``.

    A change of what comes out for a given shape and codec raises ``desc.GRAPH_VERSION``.
    """
    g = Graph()
    layers: _Layers = (_Fused if codec.fused else _Plain)(g, shape, codec)
    for name in layers.inputs:
        g.add("Input", name, ())
    g.add("Noop", desc.HIDDEN, (layers.trunk(desc.X),))
    g.add("Input", desc.HEAD_IN, ())
    layers.head()
    return g


def param_of(d: desc.ModelDesc) -> str:
    """Write the ``.param`` text that belongs to a description. Raises ``ConvertError``.

    A graph that says anything else could have ncnn read past its memory.
    """
    return build(d.shape, codec_of_model(d)).to_param()


def codec_of_model(d: desc.ModelDesc) -> Codec:
    """Look up how a converted model keeps its matrices. Raises ``ConvertError``."""
    try:
        eight_bits = parse_matrices(d.eight_bits)
        codec = codec_of(d.weights, d.block or DEFAULT_BLOCK, eight_bits)
        if codec.block == d.block and eight_bits <= matrices_of(d.shape):
            return codec
    except (ConvertError, ValueError):
        pass
    mixture = f", 8 bits for {d.eight_bits!r:.60}" if d.eight_bits else ""
    what = f"weights {d.weights!r} in blocks of {d.block}{mixture}"
    raise ConvertError(f"{what} aren't known", desc.AGAIN)


def cache_bytes(shape: ModelShape, codec: Codec, n_tokens: int) -> int:
    """Count the bytes of a KV cache of that many tokens: 16-bit where layers of our own keep it."""
    return shape.cache_bytes(n_tokens, 2 if codec.fused else 4)


def matrices_of(shape: ModelShape) -> frozenset[tuple[str, int]]:
    """List every matrix of a product, by tensor and layer; a tied classifier as the embedding."""
    names = (*BIAS_OF, shape.classifier)
    return frozenset((name, i) for name in names for i in range(shape.tensors[name].layers))


class _Layers(Protocol):
    """What the layers of a decoder are made of, and its head."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The blobs that the trunk takes, in the order of the graph."""

    def trunk(self, x: str) -> str:
        """Add all layers: what becomes of the first one's input ``(dim, M)``."""

    def head(self) -> None:
        """Add what makes logits of hidden states."""


class _Fused:
    """One layer of our own for all of the decoder's, and one for the head. Implements ``_Layers``.

    They read everything from the mapped file, and keep their caches themselves. ``Decoder`` takes
    the angles too; ``NormLogits`` is the last norm and the classifier.
    """

    inputs = (desc.X, desc.COS, desc.SIN)

    def __init__(self, graph: Graph, shape: ModelShape, codec: Codec) -> None:
        self._graph, self._shape, self._codec = graph, shape, codec
        self._tensors = shape.tensors

    def trunk(self, x: str) -> str:
        mapped = [one for i in range(self._shape.n_layers) for one in self._layer(i)]
        blobs = (x, desc.COS, desc.SIN)
        return self._graph.add("Decoder", "decoder", blobs, mapped=tuple(mapped))

    def head(self) -> None:
        mapped = (self._vector("rms_final", 0), *self._linear((self._shape.classifier,), 0))
        self._graph.add("NormLogits", desc.LOGITS, (desc.HEAD_IN,), mapped=mapped)

    def _layer(self, i: int) -> list[Mapped]:
        """List what a layer of the decoder reads, in the order that it is read in."""
        mapped = [self._vector("rms_att", i), *self._linear(("wq", "wk", "wv"), i)]
        mapped += [self._vector(n, i) for n in ("q_norm", "k_norm") if n in self._tensors]
        mapped += [*self._linear(("wo",), i), self._vector("rms_ffn", i)]
        return [*mapped, *self._linear(("w1", "w3", "w2"), i)]

    def _linear(self, names: tuple[str, ...], layer: int) -> tuple[Mapped, ...]:
        """Matrices in their order, each with its bias behind it."""
        wanted: list[Mapped] = []
        for name in names:
            shape, bits = self._tensors[name], self._codec.of(name, layer).bits
            wanted.append(Panels(name, layer, shape.rows, shape.cols, bits))
            if (bias := BIAS_OF.get(name)) in self._tensors:
                wanted.append(self._vector(str(bias), layer))
        return tuple(wanted)

    def _vector(self, name: str, layer: int) -> Vector:
        return Vector((name,), layer, self._tensors[name].cols)


class _Plain:
    """ncnn's own layers, around a Gemm for every matrix. Implements ``_Layers``."""

    def __init__(self, graph: Graph, shape: ModelShape, codec: Codec) -> None:
        self._graph, self._shape, self._codec = graph, shape, codec
        self._tensors = shape.tensors
        caches = (name for i in range(shape.n_layers) for name in desc.cache_in(i))
        self.inputs = (desc.X, desc.COS, desc.SIN, desc.MASK, *caches)

    def trunk(self, x: str) -> str:
        for i in range(self._shape.n_layers):
            x = self._rest(i, self._attention(i, self._qkv(i, x)), x)
        return x

    def _qkv(self, i: int, x: str) -> str:
        h = self._norm(f"l{i}.att_norm", x, "rms_att", i)
        return self._linear(f"l{i}.qkv", h, ("wq", "wk", "wv"), i)

    def _attention(self, i: int, qkv: str) -> str:
        g, s, p = self._graph, self._shape, f"l{i}."
        parts = (f"{p}q_row", f"{p}k_row", f"{p}v_row")
        rows: Params = {0: (s.q_dim, s.kv_dim, s.kv_dim), 1: 1, **SINGLE_THREAD}
        g.add("Slice", f"{p}qkv_split", (qkv,), rows, outputs=parts)
        heads = (s.n_heads, s.n_kv_heads, s.n_kv_heads)
        q, k, v = (
            self._heads(p + name, part, n)
            for name, part, n in zip("qkv", parts, heads, strict=True)
        )
        if s.qk_norm:
            q, k = (self._norm(f"{b}_norm", b, f"{n}_norm", i) for b, n in ((q, "q"), (k, "k")))
        if s.turns(i):
            order: Params = {0: int(s.rope.interleaved), **SINGLE_THREAD}
            turn = (desc.COS, desc.SIN)
            q, k = (g.add("RotaryEmbed", f"{b}_rope", (b, *turn), order) for b in (q, k))
        att = g.add(
            "SDPA",
            f"{p}att",
            (q, k, v, desc.MASK, *desc.cache_in(i)),
            {5: 1, 6: s.head_dim**-0.5, 7: 1},
            outputs=(f"{p}att", *desc.cache_out(i)),
        )
        # (head_dim, M, heads) -> (head_dim, heads, M) -> (q_dim, M)
        att = g.add("Permute", f"{p}att_t", (att,), {0: 2, **SINGLE_THREAD})
        return g.add("Reshape", f"{p}att_row", (att,), {0: s.q_dim, 1: -1, **SINGLE_THREAD})

    def _heads(self, name: str, row: str, n_heads: int) -> str:
        # (n_heads * head_dim, M) -> (head_dim, heads, M) -> (head_dim, M, heads)
        split: Params = {0: self._shape.head_dim, 1: n_heads, 2: -1, **SINGLE_THREAD}
        h = self._graph.add("Reshape", f"{name}_heads", (row,), split)
        return self._graph.add("Permute", f"{name}_t", (h,), {0: 2, **SINGLE_THREAD})

    def _rest(self, i: int, att: str, x: str) -> str:
        x = self._binary(f"l{i}.att_add", x, self._linear(f"l{i}.o", att, ("wo",), i), ADD)
        return self._feed_forward(i, x)

    def head(self) -> None:
        h = self._norm("final_norm", desc.HEAD_IN, "rms_final", 0)
        self._linear(desc.LOGITS, h, (self._shape.classifier,), 0)

    def _norm(self, name: str, x: str, gain: str, layer: int) -> str:
        size = self._tensors[gain].cols
        params: Params = {0: size, 1: self._shape.norm_eps, 2: 1, **SINGLE_THREAD}
        weights = Vector((gain,), layer, size)
        return self._graph.add("RMSNorm", name, (x,), params, weights=weights)

    def _feed_forward(self, i: int, x: str) -> str:
        g, p, hidden = self._graph, f"l{i}.", self._shape.hidden_dim
        h = self._norm(f"{p}ffn_norm", x, "rms_ffn", i)
        both = self._linear(f"{p}gate_up", h, ("w1", "w3"), i)
        parts = (f"{p}gate", f"{p}up")
        halves: Params = {0: (hidden, hidden), 1: 1, **SINGLE_THREAD}
        g.add("Slice", f"{p}gate_up_split", (both,), halves, outputs=parts)
        gate = g.add("Swish", f"{p}swish", (parts[0],), {**SINGLE_THREAD})
        product = self._binary(f"{p}glu", gate, parts[1], MULTIPLY)
        return self._binary(f"{p}ffn_add", x, self._linear(f"{p}down", product, ("w2",), i), ADD)

    def _linear(self, name: str, x: str, tensors: tuple[str, ...], layer: int) -> str:
        product = self._product(name, x, tensors, layer)
        biases = tuple(BIAS_OF[t] for t in tensors if BIAS_OF.get(t) in self._tensors)
        if not biases:
            return product
        # Not the Gemm's own C: that of int8 would come before the rows' scales.
        size = sum(self._tensors[bias].cols for bias in biases)
        bias = self._row(f"{name}_bias", size, Vector(biases, layer, size))
        return self._binary(f"{name}_biased", product, bias, ADD)

    def _product(self, name: str, x: str, tensors: tuple[str, ...], layer: int) -> str:
        rows = sum(self._tensors[tensor].rows for tensor in tensors)
        cols = self._tensors[tensors[0]].cols
        weights = Matrix(tensors, layer, rows, cols)
        # (cols, M) -> (rows, M): Gemm with constant B, transposed; no C.
        params: Params = {2: 0, 3: 1, 4: 0, 5: 1, 6: 1, 7: 0, 8: rows, 9: cols, 10: -1}
        if self._codec.quantize_term:
            params[18] = self._codec.quantize_term
        if not self._codec.row_scales:
            return self._graph.add("Gemm", name, (x,), params, weights=weights)
        product = self._graph.add("Gemm", f"{name}_int8", (x,), params, weights=weights)
        scales = self._row(f"{name}_scales", rows, RowScales(weights))
        return self._binary(name, product, scales, MULTIPLY)

    def _row(self, name: str, size: int, weights: Weights) -> str:
        # (size, 1): what every row of another blob is multiplied by, or added to
        params: Params = {0: size, 1: 1, **SINGLE_THREAD}
        return self._graph.add("MemoryData", name, (), params, weights=weights)

    def _binary(self, name: str, a: str, b: str, op: int) -> str:
        return self._graph.add("BinaryOp", name, (a, b), {0: op, **SINGLE_THREAD})
