"""The decoder's layers of our own in ncnn's graph: kernels over weights in a mapped file.

ncnn makes them as it reads the graph, calls them like its own, and hands them blobs. Each has a
table of addresses, in which only the blobs' change. What earlier tokens left is in the cache.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable
from ctypes import pointer
from typing import TYPE_CHECKING, Generic, TypeVar

from convert.decoder import BIAS_OF
from convert.formats.mixture import Matrices
from convert.formats.panels import n_blocks as n_blocks_of
from convert.formats.panels import n_panels, panel_bytes
from convert.graph import Panels
from convert.places import Places
from convert.shape import ModelShape

from .batches import PREFILL_BATCH
from .kernels.tables import Attention, DecoderLayer, Matrix, NormProducts, OutMlp, Scratch
from .ncnn_memory import ncnn
from .own_cache import OwnCache, aligned
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
        for name, make in (("DecoderLayer", self._decoder_layer), ("NormLogits", self._head)):
            net.register_custom_layer(name, self._keeping(make), _leave)

    def _decoder_layer(self) -> ncnn.Layer:
        return _DecoderLayer(self._layer_table, self._kernels.decoder_layer, self._cache)

    def _head(self) -> ncnn.Layer:
        return _LogitsLayer(self._head_table, self._kernels.norm_products)

    def _keeping(self, make: Callable[[], ncnn.Layer]) -> Callable[[], ncnn.Layer]:
        def made() -> ncnn.Layer:
            layer = make()
            self._kept.append(layer)
            return layer

        return made

    def _layer_table(self, layer: int) -> DecoderLayer:
        table = DecoderLayer(
            qkv=self._norm_products("rms_att", ("wq", "wk", "wv"), layer),
            attention=self._attention(layer),
            mlp=self._out_mlp(layer),
        )
        table.qkv.out, table.attention.out = self._scratch.qkv, self._scratch.att
        for tensor, field in OUT_MLP.items():
            self._read[tensor, layer] = getattr(table.mlp, field)
        return table

    def _head_table(self, layer: int) -> NormProducts:
        return self._norm_products("rms_final", (self._shape.classifier,), layer)

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
            n_heads=s.n_heads,
            n_kv_heads=s.n_kv_heads,
            head_dim=s.head_dim,
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


Table = TypeVar("Table", NormProducts, DecoderLayer)


class _OwnLayer(ncnn.Layer, Generic[Table]):  # type: ignore[misc]
    """A layer with a table of its own, which it is told when ncnn reads which layer it is."""

    def __init__(self, table_of: Callable[[int], Table], kernel: Entry) -> None:
        super().__init__()
        self._table_of: Callable[[int], Table] = table_of
        self._kernel = kernel

    def load_param(self, params: ncnn.ParamDict) -> int:
        """Find out which layer of the model this is. ncnn calls this."""
        self._table: Table = self._table_of(params.get(0, 0))
        return 0

    def _run(self, threads: int) -> int:
        """Compute what the table points at."""
        self._kernel(ctypes.addressof(self._table), threads)
        return 0


class _LogitsLayer(_OwnLayer[NormProducts]):
    """``NormLogits``: hidden states ``(dim, M)`` to logits ``(vocab_size, M)``."""

    def __init__(self, table_of: Callable[[int], NormProducts], kernel: Entry) -> None:
        super().__init__(table_of, kernel)
        self.one_blob_only = True

    def forward(self, x: ncnn.Mat, out: ncnn.Mat, options: ncnn.Option) -> int:
        """Compute ``out`` of ``x``. ncnn calls this."""
        table = self._table
        out.create(table.out_dim, x.h)
        if out.empty():
            return NO_MEMORY
        table.x, table.out, table.m = _address_of(x), _address_of(out), x.h
        return self._run(options.num_threads)


class _DecoderLayer(_OwnLayer[DecoderLayer]):
    """``DecoderLayer``: its input ``(dim, M)``, and angles of M positions, to its output."""

    def __init__(
        self, table_of: Callable[[int], DecoderLayer], kernel: Entry, cache: OwnCache
    ) -> None:
        super().__init__(table_of, kernel)
        self._cache = cache

    def load_param(self, params: ncnn.ParamDict) -> int:
        """Find out which layer of the model this is. ncnn calls this."""
        super().load_param(params)
        self._parts = self._table.qkv, self._table.attention, self._table.mlp
        return 0

    def forward(self, inputs: list[ncnn.Mat], outputs: list[ncnn.Mat], options: ncnn.Option) -> int:
        """Compute the output, behind what the cache holds. ncnn calls this."""
        x, *angles = inputs
        out, m, threads = outputs[0], x.h, options.num_threads
        qkv, attention, mlp = self._parts
        out.create(mlp.dim, m)
        if out.empty() or not self._cache.give_room(threads):
            return NO_MEMORY
        qkv.x = mlp.x = _address_of(x)
        mlp.out = _address_of(out)
        qkv.m = attention.m = mlp.m = m
        if angles:
            attention.cos, attention.sin = map(_address_of, angles)
        return self._run(threads)


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
