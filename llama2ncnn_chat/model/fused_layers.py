"""The decoder's layers of our own in ncnn's graph: kernels over weights in a mapped file.

ncnn makes them as it reads the graph, calls them like its own, and hands them blobs. Their tables
say where everything else stands. What earlier tokens left is in the cache.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable
from ctypes import pointer
from typing import TYPE_CHECKING

from convert.decoder import BIAS_OF
from convert.formats.mixture import Matrices
from convert.formats.panels import n_blocks as n_blocks_of
from convert.formats.panels import n_panels, panel_bytes
from convert.graph import Panels
from convert.places import Places
from convert.shape import ModelShape

from .batches import PREFILL_BATCH
from .kernels.tables import (
    Attention,
    DecoderLayer,
    Head,
    Layers,
    Matrix,
    NormProducts,
    OutMlp,
    Scratch,
)
from .ncnn_memory import ncnn
from .own_cache import CALLED_OFF, OwnCache, aligned
from .weights_file import Bytes, WeightsFile

if TYPE_CHECKING:  # llvmlite may not be there
    from .kernels.build import Entry, Kernels

NO_MEMORY = -100
"""What a layer of ncnn returns that got none."""

OUT_MLP = {"wo": "o", "w1": "gate", "w3": "up", "w2": "down"}
"""The tensors of an ``OutMlp``, and what it calls them."""


class FusedLayers:
    """Makes a model's layers for a net, and keeps them: they must go after the net."""

    def __init__(
        self,
        shape: ModelShape,
        places: Places,
        weights: WeightsFile,
        kernels: Kernels,
        cache: OwnCache,
    ) -> None:
        """Use ``kernels`` over a file whose contents stand at ``places``, and over a cache."""
        self._shape, self._places, self._kernels = shape, places, kernels
        self._cache = cache
        self._base = weights.bytes.ctypes.data
        kernels.guard.protect(self._base, self._base + weights.bytes.size)
        weakref.finalize(self, kernels.guard.release, self._base)
        self._scratch = _Scratch(shape)
        self._kept: list[object] = [weights.bytes, cache]
        self._read: dict[tuple[str, int], Matrix] = {}  # in the tables that the kernels read

    def borrow(self, other: FusedLayers, matrices: Matrices) -> None:
        """Take these matrices from another model's layers from now on, and all others from here.

        Both are of one shape; ``other`` must stay for as long as its matrices are in use.
        """
        for key, entry in self._read.items():
            pointer(entry)[0] = (other if key in matrices else self)._matrix(*key)

    def register(self, net: ncnn.Net) -> None:
        """Teach ``net`` the types of our layers."""
        for name, make in (("Decoder", self._decoder), ("NormLogits", self._head)):
            net.register_custom_layer(name, self._keeping(make), _leave)

    def _decoder(self) -> ncnn.Layer:
        n_layers = self._shape.n_layers
        layers = (DecoderLayer * n_layers)(*map(self._layer, range(n_layers)))
        self._read |= {
            (tensor, i): getattr(layer.mlp, field)
            for i, layer in enumerate(layers)
            for tensor, field in OUT_MLP.items()
        }
        return _Decoder(layers, self._kernels.layers, self._cache)

    def _head(self) -> ncnn.Layer:
        products = self._norm_products("rms_final", (self._shape.classifier,), 0)
        return _NormLogits(Head(products=products), self._kernels.head)

    def _keeping(self, make: Callable[[], ncnn.Layer]) -> Callable[[], ncnn.Layer]:
        def made() -> ncnn.Layer:
            layer = make()
            self._kept.append(layer)
            return layer

        return made

    def _layer(self, layer: int) -> DecoderLayer:
        return DecoderLayer(
            qkv=self._norm_products("rms_att", ("wq", "wk", "wv"), layer),
            attention=self._attention(layer),
            mlp=self._out_mlp(layer),
        )

    def _norm_products(self, gain: str, tensors: tuple[str, ...], layer: int) -> NormProducts:
        matrices = (Matrix * len(tensors))(*(self._matrix(name, layer) for name in tensors))
        self._read |= {(name, layer): matrices[i] for i, name in enumerate(tensors)}
        return NormProducts(
            dim=self._shape.dim,
            out_dim=sum(matrix.rows for matrix in matrices),
            gain=self._address(gain, layer),
            n_matrices=len(matrices),
            matrices=ctypes.addressof(matrices),
            epsilon=self._shape.norm_eps,
            scratch=self._scratch.table,
        )

    def _attention(self, layer: int) -> Attention:
        s = self._shape
        gains = {n: self._address(n, layer) for n in ("q_norm", "k_norm") if n in s.tensors}
        return Attention(
            qkv=self._scratch.qkv,
            out=self._scratch.att,
            n_heads=s.n_heads,
            n_kv_heads=s.n_kv_heads,
            head_dim=s.head_dim,
            turns=s.turns(layer),
            interleaved=s.rope.interleaved,
            window=s.window,
            epsilon=s.norm_eps,
            scale=s.head_dim**-0.5,
            **gains,
            **self._cache.addresses(layer),
        )

    def _out_mlp(self, layer: int) -> OutMlp:
        s = self._shape
        return OutMlp(
            att=self._scratch.att,
            q_dim=s.q_dim,
            dim=s.dim,
            hidden_dim=s.hidden_dim,
            gain=self._address("rms_ffn", layer),
            hidden=self._scratch.hidden,
            epsilon=s.norm_eps,
            scratch=self._scratch.table,
            **{field: self._matrix(tensor, layer) for tensor, field in OUT_MLP.items()},
        )

    def _matrix(self, tensor: str, layer: int) -> Matrix:
        weights = self._places.of[tensor, layer].weights
        if not isinstance(weights, Panels):
            raise TypeError(f"{tensor} isn't in panels")
        bias = BIAS_OF.get(tensor, "")
        return Matrix(
            panels=self._address(tensor, layer),
            n_panels=n_panels(weights.rows),
            panel_bytes=panel_bytes(weights.cols, weights.bits),
            n_blocks=n_blocks_of(weights.cols),
            bits=weights.bits,
            rows=weights.rows,
            bias=self._address(bias, layer) if (bias, layer) in self._places.of else 0,
        )

    def _address(self, tensor: str, layer: int) -> int:
        return self._base + self._places.of[tensor, layer].offset


class _Decoder(ncnn.Layer):  # type: ignore[misc]
    """``Decoder``: its input ``(dim, M)``, and the angles of M positions, to its output."""

    def __init__(self, layers: ctypes.Array[DecoderLayer], kernel: Entry, cache: OwnCache) -> None:
        super().__init__()
        self._layers, self._kernel, self._cache = layers, kernel, cache
        self._table = Layers()

    def forward(self, inputs: list[ncnn.Mat], outputs: list[ncnn.Mat], options: ncnn.Option) -> int:
        """Compute the output, behind what the cache holds. ncnn calls this.

        A token goes through all layers in one go; of more tokens, each so far that it's no more
        work, so that a stop is never far away.
        """
        x, out, t = inputs[0], outputs[0], self._table
        out.create(x.w, x.h)
        if out.empty() or not self._cache.give_room(options.num_threads):
            return NO_MEMORY
        t.x, t.cos, t.sin = map(_address_of, inputs)
        t.out, t.m = _address_of(out), x.h
        n_layers = len(self._layers)
        step = -(-n_layers // t.m)
        for first in range(0, n_layers, step):
            if self._cache.cancelled():
                return CALLED_OFF
            t.layers = ctypes.addressof(self._layers[first])
            t.n_layers = min(step, n_layers - first)
            self._kernel(ctypes.addressof(t), options.num_threads)
            t.x = t.out
        return 0


class _NormLogits(ncnn.Layer):  # type: ignore[misc]
    """``NormLogits``: hidden states ``(dim, M)`` to logits ``(vocab_size, M)``."""

    def __init__(self, table: Head, kernel: Entry) -> None:
        super().__init__()
        self.one_blob_only = True
        self._table, self._kernel = table, kernel

    def forward(self, x: ncnn.Mat, out: ncnn.Mat, options: ncnn.Option) -> int:
        """Compute ``out`` of ``x``. ncnn calls this."""
        t = self._table
        out.create(t.products.out_dim, x.h)
        if out.empty():
            return NO_MEMORY
        t.x, t.out, t.m = _address_of(x), _address_of(out), x.h
        self._kernel(ctypes.addressof(t), options.num_threads)
        return 0


class _Scratch:
    """Memory for what passes from one part of a layer to the next."""

    def __init__(self, s: ModelShape) -> None:
        n_blocks = PREFILL_BATCH * n_blocks_of(max(s.q_dim, s.dim, s.hidden_dim))
        self._kept: list[Bytes] = []
        self.table = Scratch(*(self._room(n_blocks * n_bytes) for n_bytes in (32, 4, 4)))
        widths = (s.q_dim + 2 * s.kv_dim, s.q_dim, s.hidden_dim)
        self.qkv, self.att, self.hidden = (self._room(PREFILL_BATCH * n * 4) for n in widths)

    def _room(self, n_bytes: int) -> int:
        self._kept.append(aligned(n_bytes))
        return self._kept[-1].ctypes.data


def _address_of(mat: ncnn.Mat) -> int:
    """Say where a Mat's numbers stand."""
    return ctypes.addressof(ctypes.c_char.from_buffer(mat))


def _leave(_layer: ncnn.Layer) -> None:
    """Do nothing where ncnn is done with a layer: Python frees it."""
