"""The KV cache of a graph of ncnn's own layers: Mats of its attention, handed in and out."""

from __future__ import annotations

from itertools import repeat

import numpy as np

from convert import desc as names
from convert.shape import ModelShape

from ..errors import Advice, ModelError
from .batches import causal_mask
from .engine import CalledOffError, Cancelled
from .kv_cache import Float32
from .ncnn_memory import CACHE_BLOCK, CacheLayout, checked, extract, ncnn, probe_layout, to_mat


class GraphCache:
    """Float32 keys and values of all layers, in ncnn's order. Implements ``LiveCache``."""

    def __init__(self, shape: ModelShape, context_length: int) -> None:
        """Set the memory aside. Raises ``ModelError`` where there is too little."""
        self._shape = shape
        self._capacity = -(-context_length // CACHE_BLOCK) * CACHE_BLOCK
        layers = range(shape.n_layers)
        self._in = [blob for i in layers for blob in names.cache_in(i)]
        self._out = [blob for i in layers for blob in names.cache_out(i)]
        self._layout: CacheLayout | None = None
        self._position = 0
        self._mats = [self._empty() for _ in self._in]

    @property
    def position(self) -> int:
        """How many tokens it holds."""
        return self._position

    @position.setter
    def position(self, position: int) -> None:
        for mat in self._mats:
            mat.h = position
        self._position = position

    def enter(self, extractor: ncnn.Extractor, m: int) -> None:
        """Hand a pass of ``m`` tokens what it attends to, and which tokens see which."""
        mask = to_mat(causal_mask(m, self._position, self._shape.window))
        checked(extractor.input(names.MASK, mask), "input", names.MASK)
        for blob, mat in zip(self._in, self._mats, strict=True):
            checked(extractor.input(blob, mat), "input", blob)

    def compute(self, extractor: ncnn.Extractor, cancelled: Cancelled | None) -> ncnn.Mat:
        """Compute the hidden states, and hold what is added from now on beyond ``position``."""
        if cancelled:
            # ncnn computes what a blob needs, and keeps it: here one layer after the other.
            for blob in self._out[::2]:
                if cancelled():
                    raise CalledOffError
                extract(extractor, blob, 1)
        hidden = extract(extractor, names.HIDDEN)
        # Type 1 hands out SDPA's own Mat. Type 0 would copy it into a plain one, and lose the
        # capacity to append in place and, with it, the packed order that SDPA expects.
        # No comprehension: its closure would hold the extractor for as long as an error's frames.
        self._mats = list(map(extract, repeat(extractor), self._out, repeat(1)))
        return hidden

    def read(self, layer: int, start: int, stop: int) -> tuple[Float32, Float32]:
        """Copy tokens out, keys and values, each ``(n_kv_heads, stop - start, head_dim)``."""
        layout, s = self._cache_layout(), self._shape
        shape = (s.n_kv_heads, stop - start, s.head_dim)
        keys, values = np.empty(shape, np.float32), np.empty(shape, np.float32)
        layout.read(self._mats[2 * layer], layout.keys[start:], keys)
        layout.read(self._mats[2 * layer + 1], layout.values[start:], values)
        return keys, values

    def write(self, layer: int, start: int, keys: Float32, values: Float32) -> None:
        """Put tokens, shaped like ``read``'s, from ``start`` on; ``position`` stays as it is."""
        layout = self._cache_layout()
        layout.write(self._mats[2 * layer], layout.keys[start:], keys)
        layout.write(self._mats[2 * layer + 1], layout.values[start:], values)

    def close(self) -> None:
        """Give the memory back, which the net must outlive."""
        self._mats.clear()

    def _empty(self) -> ncnn.Mat:
        # The full capacity at once: appended in place for ever, never moved. The system gives
        # pages only as they are written.
        s = self._shape
        mat = ncnn.Mat((s.head_dim, self._capacity, s.n_kv_heads))
        if mat.empty():
            raise ModelError(
                f"no memory for a cache of {self._capacity:,} tokens "
                f"({s.cache_bytes(self._capacity, 4):,} bytes)",
                Advice.SHORTEN_CONTEXT,
            )
        mat.h = 0
        return mat

    def _cache_layout(self) -> CacheLayout:
        if self._layout is None:
            self._layout = probe_layout(self._shape.head_dim, self._capacity)
        return self._layout
