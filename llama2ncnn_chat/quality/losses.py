"""What the ids of a text cost under a model as it lies in its files, before it is converted.

A forward pass in numpy's float32 that reads every matrix once, in slices of rows. Knows decoders
such as llama2.c's alone: no biases, no norms of heads, no windows; and no ncnn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from convert.rope import Rope
from convert.rope_tables import tables
from convert.sources.source import TensorSource

from .fidelity import Float32, Float64

SLICE_VALUES = 1 << 22
"""Weights that are in memory at once: enough for a product to run at full speed."""


def losses(
    source: TensorSource,
    ids: Sequence[int],
    ropes: Sequence[Rope],
    told: Callable[[int, int], None] = lambda *_: None,
) -> Float64:
    """Compute what every id but the first costs under each RoPE, nats, ``(ropes, ids - 1)``.

    ``told`` is told how many layers are done, of how many. Raises ``ConvertError`` for a file that
    can't be read; weights that aren't finite make losses that aren't.
    """
    with np.errstate(all="ignore"):
        return _Pass(source, ids, ropes).losses(told)


class _Pass:
    """One text under several RoPEs at once, whose rows stand one after the other."""

    def __init__(self, source: TensorSource, ids: Sequence[int], ropes: Sequence[Rope]) -> None:
        self._source, self._shape = source, source.shape
        self._ids, self._ropes = ids, ropes
        n = len(ids)
        self._mask = np.triu(np.full((n, n), -np.inf, np.float32), 1)

    def losses(self, told: Callable[[int, int], None]) -> Float64:
        s, n = self._shape, len(self._ids)
        rows = [self._source.rows("embedding", 0, i, i + 1) for i in self._ids]
        x = np.concatenate([*rows] * len(self._ropes))
        for layer in range(s.n_layers):
            x += self._product("wo", layer, self._attention(layer, x))
            h = self._norm("rms_ffn", layer, x)
            gate = self._product("w1", layer, h)
            gate *= self._product("w3", layer, h) / (1 + np.exp(-gate))
            x += self._product("w2", layer, gate)
            told(layer + 1, s.n_layers)
        x = self._norm("rms_final", 0, x).reshape(-1, n, s.dim)
        costs = [self._costs(self._product(s.classifier, 0, each[:-1])) for each in x]
        return np.stack(costs)

    def _attention(self, layer: int, x: Float32) -> Float32:
        """What heads make of the values that they attend to, ``(ropes * ids, q_dim)``."""
        s, n = self._shape, len(self._ids)
        h = self._norm("rms_att", layer, x)
        q, k, v = (
            self._product(name, layer, h).reshape(len(self._ropes), n, -1, s.head_dim)
            for name in ("wq", "wk", "wv")
        )
        heads = []
        for rope, *of_rope in zip(self._ropes, q, k, v, strict=True):
            # By key and value heads, each with all of its queries'.
            queries, keys, values = (each.transpose(1, 0, 2) for each in of_rope)
            queries, keys = self._turned(queries, rope), self._turned(keys, rope)
            queries = queries.reshape(s.n_kv_heads, -1, n, s.head_dim)
            scores = queries @ keys[:, None].swapaxes(2, 3) / np.float32(s.head_dim**0.5)
            scores += self._mask
            scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
            scores /= scores.sum(axis=-1, keepdims=True)
            heads.append((scores @ values[:, None]).reshape(s.n_heads, n, s.head_dim))
        return np.concatenate(heads, axis=1).transpose(1, 0, 2).reshape(len(x), s.q_dim)

    def _turned(self, heads: Float32, rope: Rope) -> Float32:
        """Turn heads ``(heads, ids, head_dim)`` by their positions."""
        size = self._shape.head_dim
        cos, sin = tables(rope, size, 0, len(self._ids))
        first, second = rope.pairs(size)
        turned = np.empty_like(heads)
        turned[..., first] = heads[..., first] * cos - heads[..., second] * sin
        turned[..., second] = heads[..., first] * sin + heads[..., second] * cos
        return turned

    def _norm(self, name: str, layer: int, x: Float32) -> Float32:
        length = np.sqrt((x * x).mean(axis=1, keepdims=True) + np.float32(self._shape.norm_eps))
        normed: Float32 = x / length * self._source.rows(name, layer, 0, 1)
        return normed

    def _product(self, name: str, layer: int, x: Float32) -> Float32:
        tensor = self._shape.tensors[name]
        step = max(1, SLICE_VALUES // tensor.cols)
        product = np.empty((len(x), tensor.rows), np.float32)
        for start in range(0, tensor.rows, step):
            stop = min(tensor.rows, start + step)
            product[:, start:stop] = x @ self._source.rows(name, layer, start, stop).T
        return product

    def _costs(self, logits: Float32) -> Float64:
        """What the ids after the first cost by the logits before each."""
        logits -= logits.max(axis=1, keepdims=True)
        wanted = logits[np.arange(len(logits)), list(self._ids[1:])]
        costs: Float64 = np.log(np.exp(logits).sum(axis=1, dtype=np.float64)) - wanted
        return costs
