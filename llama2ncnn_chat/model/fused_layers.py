"""The decoder's layers of our own in ncnn's graph: kernels over weights in a mapped file.

ncnn makes them as it reads the graph, calls them like its own, and hands them blobs. Each has a
table of addresses, in which only the blobs' change.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable
from ctypes import pointer
from typing import Generic, TypeVar

import numpy as np

from convert.decoder import BIAS_OF
from convert.formats.mixture import Matrices
from convert.formats.panels import n_blocks, n_panels, panel_bytes
from convert.graph import Panels
from convert.places import Places
from convert.shape import ModelShape

from .batches import PREFILL_BATCH
from .kernels.build import Entry, Kernels
from .kernels.tables import Matrix, NormProducts, OutMlp, Scratch
from .ncnn_memory import ncnn
from .weights_file import Bytes, WeightsFile

NO_MEMORY = -100
"""What a layer of ncnn returns that got none."""


class FusedLayers:
    """Makes a model's layers for a net, and keeps them: they must go after the net."""

    def __init__(
        self, shape: ModelShape, places: Places, weights: WeightsFile, kernels: Kernels
    ) -> None:
        """Use ``kernels`` over a file whose contents stand at ``places``."""
        self._shape, self._places, self._kernels = shape, places, kernels
        self._base = weights.bytes.ctypes.data
        kernels.guard.protect(self._base, self._base + weights.bytes.size)
        weakref.finalize(self, kernels.guard.release, self._base)
        self._scratch, self._hidden = _scratch(shape)
        self._kept: list[object] = [weights.bytes, self._scratch, self._hidden]
        self._read: dict[tuple[str, int], Matrix] = {}  # in the tables that the kernels read

    def borrow(self, other: FusedLayers, matrices: Matrices) -> None:
        """Take these matrices from another model's layers from now on, and all others from here.

        Both are of one shape; ``other`` must stay for as long as its matrices are in use.
        """
        for key, entry in self._read.items():
            pointer(entry)[0] = (other if key in matrices else self)._matrix(*key)

    def register(self, net: ncnn.Net) -> None:
        """Teach ``net`` the types of our layers."""
        products, mlp = self._kernels.norm_products, self._kernels.out_mlp
        for name, make in (
            ("NormQkv", lambda: _NormProductsLayer(self._norm_qkv, products, one_blob=True)),
            ("OutMlp", lambda: _OutMlpLayer(self._out_mlp, mlp, one_blob=False)),
            ("NormLogits", lambda: _NormProductsLayer(self._norm_logits, products, one_blob=True)),
        ):
            net.register_custom_layer(name, self._keeping(make), _leave)

    def _keeping(self, make: Callable[[], ncnn.Layer]) -> Callable[[], ncnn.Layer]:
        def made() -> ncnn.Layer:
            layer = make()
            self._kept.append(layer)
            return layer

        return made

    def _norm_qkv(self, layer: int) -> NormProducts:
        return self._norm_products("rms_att", ("wq", "wk", "wv"), layer)

    def _norm_logits(self, layer: int) -> NormProducts:
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

    def _out_mlp(self, layer: int) -> OutMlp:
        s = self._shape
        names = {"o": "wo", "gate": "w1", "up": "w3", "down": "w2"}
        table = OutMlp(
            q_dim=s.q_dim,
            dim=s.dim,
            hidden_dim=s.hidden_dim,
            gain=self._address("rms_ffn", layer),
            hidden=self._hidden.ctypes.data,
            epsilon=s.norm_eps,
            scratch=self._scratch.table,
            **{field: self._matrix(tensor, layer) for field, tensor in names.items()},
        )
        self._read |= {(tensor, layer): getattr(table, field) for field, tensor in names.items()}
        return table

    def _matrix(self, tensor: str, layer: int) -> Matrix:
        weights = self._places.of[tensor, layer].weights
        if not isinstance(weights, Panels):
            raise TypeError(f"{tensor} isn't in panels")
        bias = BIAS_OF.get(tensor, "")
        return Matrix(
            panels=self._address(tensor, layer),
            n_panels=n_panels(weights.rows),
            panel_bytes=panel_bytes(weights.cols, weights.bits),
            n_blocks=n_blocks(weights.cols),
            bits=weights.bits,
            rows=weights.rows,
            bias=self._address(bias, layer) if (bias, layer) in self._places.of else 0,
        )

    def _address(self, tensor: str, layer: int) -> int:
        return self._base + self._places.of[tensor, layer].offset


Table = TypeVar("Table", NormProducts, OutMlp)


class _OwnLayer(ncnn.Layer, Generic[Table]):  # type: ignore[misc]
    """A layer with a table of its own, which it is told when ncnn reads which layer it is."""

    def __init__(self, table_of: Callable[[int], Table], kernel: Entry, *, one_blob: bool) -> None:
        super().__init__()
        self.one_blob_only = one_blob
        self._table_of: Callable[[int], Table] = table_of
        self._kernel = kernel

    def load_param(self, params: ncnn.ParamDict) -> int:
        """Find out which layer of the model this is. ncnn calls this."""
        self._table: Table = self._table_of(params.get(0, 0))
        return 0

    def _run(self, out: ncnn.Mat, width: int, m: int, threads: int) -> int:
        """Make room for ``(width, m)``, and compute it from what the table points at."""
        out.create(width, m)
        if out.empty():
            return NO_MEMORY
        self._table.out, self._table.m = _address_of(out), m
        self._kernel(ctypes.addressof(self._table), threads)
        return 0


class _NormProductsLayer(_OwnLayer[NormProducts]):
    """``NormQkv`` and ``NormLogits``: rows ``(dim, M)`` to rows of all products."""

    def forward(self, x: ncnn.Mat, out: ncnn.Mat, options: ncnn.Option) -> int:
        """Compute ``out`` of ``x``. ncnn calls this."""
        self._table.x = _address_of(x)
        return self._run(out, self._table.out_dim, x.h, options.num_threads)


class _OutMlpLayer(_OwnLayer[OutMlp]):
    """``OutMlp``: attention's ``(q_dim, M)`` and a layer's input ``(dim, M)`` to its output."""

    def forward(self, inputs: list[ncnn.Mat], outputs: list[ncnn.Mat], options: ncnn.Option) -> int:
        """Compute the output of both inputs. ncnn calls this."""
        att, x = inputs
        self._table.att, self._table.x = _address_of(att), _address_of(x)
        return self._run(outputs[0], self._table.dim, x.h, options.num_threads)


class _Scratch:
    """Memory for the activations of one matrix, as the kernels take them."""

    def __init__(self, n_blocks: int) -> None:
        self._kept = [_aligned(n_blocks * n_bytes) for n_bytes in (32, 4, 4)]
        self.table = Scratch(*(memory.ctypes.data for memory in self._kept))


def _scratch(s: ModelShape) -> tuple[_Scratch, Bytes]:
    widest = max(s.q_dim, s.dim, s.hidden_dim)
    return _Scratch(PREFILL_BATCH * n_blocks(widest)), _aligned(PREFILL_BATCH * s.hidden_dim * 4)


def _aligned(n_bytes: int) -> Bytes:
    """Set memory aside from the start of a cache line on."""
    memory = np.empty(n_bytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + n_bytes]


def _address_of(mat: ncnn.Mat) -> int:
    """Say where a Mat's numbers stand."""
    return ctypes.addressof(ctypes.c_char.from_buffer(mat))


def _leave(_layer: ncnn.Layer) -> None:
    """Do nothing where ncnn is done with a layer: Python frees it."""
