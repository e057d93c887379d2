"""The weights of a graph, in its order, from a source of tensors into one file, slice by slice.

Holds a slice of rows at a time and the scales of one matrix. Knows nothing of names on disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from .errors import ConvertError
from .formats.codec import SINGLE, Codec, Float32, NonFiniteError, QuantisedRows
from .formats.panels import ROWS
from .formats.plain import to_dtype
from .graph import Graph, Mapped, Matrix, Panels, RowScales, Vector, Weights
from .places import Places, key_of
from .sources.source import TensorSource

SLICE_VALUES = 1 << 18  # a slice of 1 MB of float32 and its temporaries stay in a core's cache


@dataclass(frozen=True)
class Progress:
    """How far a conversion is: tensors and bytes of the source, done and in all."""

    tensors: int
    n_tensors: int
    bytes: int
    n_bytes: int


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class SourceRows:
    """Rows ``start`` to ``stop`` of one layer of a tensor. Implements ``RowSlice``."""

    source: TensorSource
    tensor: str
    layer: int
    start: int
    stop: int
    importance: Float32 | None = None

    def floats(self) -> Float32:
        """Read them as float32 ``(stop - start, cols)``."""
        return self.source.rows(self.tensor, self.layer, self.start, self.stop)

    def quantised(self, bits: int, block: int, *, offsets: bool = False) -> QuantisedRows | None:
        """Read them as they are stored, if that is in such blocks; None if not."""
        place = (self.tensor, self.layer, self.start, self.stop)
        return self.source.quantised_rows(*place, bits, block, offsets=offsets)


GAIN_BEFORE = {
    **dict.fromkeys(("wq", "wk", "wv"), "rms_att"),
    **dict.fromkeys(("w1", "w3"), "rms_ffn"),
    **dict.fromkeys(("embedding", "classifier"), "rms_final"),
}
"""The gain by which a norm has multiplied what a matrix's columns meet."""


class Writer:
    """A file that counts and hashes what goes into it."""

    def __init__(self, file: BinaryIO) -> None:
        """Begin at the start of an empty file."""
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append ``data``."""
        self._file.write(data)
        self._digest.update(data)
        self.size += data.nbytes if isinstance(data, memoryview) else len(data)

    @property
    def sha256(self) -> str:
        """Of all that was written, in hex."""
        return self._digest.hexdigest()


class Streamer:
    """Writes the weights of a graph, in its order, and the embedding after them."""

    def __init__(
        self, source: TensorSource, codec: Codec, out: Writer, progress: OnProgress | None
    ) -> None:
        """Read from ``source``, keep matrices by ``codec``; ``progress`` is told of every slice."""
        self._source, self._codec, self._out, self._report = source, codec, out, progress
        self._tensors = source.shape.tensors
        self._scales: dict[Matrix, Float32] = {}
        self._reading = ""
        self._n_done = self._bytes = 0
        self._n_tensors = self._n_bytes = 0

    def write(self, graph: Graph, plan: Places) -> None:
        """Write everything to where ``plan``, that of the same graph, has it."""
        shared = plan.shares_embedding
        wanted = [*_weights_of(graph), *(weights for x in graph.layers for weights in x.mapped)]
        names = [name for weights in wanted for name in _names(weights)]
        self._plan([*names, *([] if shared else ["embedding"])])
        try:
            for weights in _weights_of(graph):
                self._write_one(weights)
            for place in (plan.of[key_of(x)] for layer in graph.layers for x in layer.mapped):
                self._pad(place.offset)
                self._write_one(place.weights)
            if not shared:
                self._pad(plan.embedding)
                self._write_embedding()
        except NonFiniteError as e:
            raise ConvertError(f"{self._source.path}: {self._reading}: {e}", e.hint) from None

    def _pad(self, offset: int) -> None:
        self._out.write(bytes(offset - self._out.size))

    def _plan(self, names: list[str]) -> None:
        self._n_tensors = len(names)
        self._n_bytes = sum(self._source.tensor_bytes(name) for name in names)

    def _write_one(self, weights: Weights | Mapped) -> None:
        if isinstance(weights, Vector):
            for rows in self._slices(weights.tensors, weights.layer):
                self._out.write(to_dtype(rows.floats(), SINGLE).tobytes())
        elif isinstance(weights, RowScales):
            self._out.write(self._scales.pop(weights.of).astype("<f4", copy=False).tobytes())
        elif isinstance(weights, Panels):
            importance = self._importance(weights)
            slices = self._slices((weights.tensor,), weights.layer, importance)
            self._codec.of(weights.tensor, weights.layer).encode(slices, self._out.write)
        else:
            slices = self._slices(weights.tensors, weights.layer)
            scales = self._codec.encode(slices, self._out.write)
            if scales is not None:
                self._scales[weights] = scales

    def _importance(self, weights: Panels) -> Float32 | None:
        """What errors of a matrix's columns count for: the squares of what they are to meet.

        Behind a norm, that goes by its gain, whatever the text.
        """
        gain = GAIN_BEFORE.get(weights.tensor)
        if gain is None:
            return None
        gains = np.abs(self._source.rows(gain, weights.layer, 0, 1)[0])
        # By the largest: no square is infinite.
        gains /= max(float(gains.max()), 1e-30)
        squares: Float32 = gains * gains
        return squares

    def _write_embedding(self) -> None:
        for rows in self._slices(("embedding",), 0):
            self._out.write(to_dtype(rows.floats(), self._codec.embedding_dtype).tobytes())

    def _slices(
        self, tensors: tuple[str, ...], layer: int, importance: Float32 | None = None
    ) -> Iterator[SourceRows]:
        for name in tensors:
            self._reading = f"{name} of layer {layer}"
            rows, cols = self._tensors[name].rows, self._tensors[name].cols
            size, before = self._source.tensor_bytes(name), self._bytes
            step = max(ROWS, SLICE_VALUES // cols // ROWS * ROWS)  # whole panels
            for start in range(0, rows, step):
                stop = min(rows, start + step)
                yield SourceRows(self._source, name, layer, start, stop, importance)
                self._bytes = before + size * stop // rows
                self._n_done += stop == rows
                self._tell()

    def _tell(self) -> None:
        if self._report:
            self._report(Progress(self._n_done, self._n_tensors, self._bytes, self._n_bytes))


def _weights_of(graph: Graph) -> list[Weights]:
    return [layer.weights for layer in graph.layers if layer.weights]


def _names(weights: Weights | Mapped) -> tuple[str, ...]:
    if isinstance(weights, Panels):
        return (weights.tensor,)
    return () if isinstance(weights, RowScales) else weights.tensors
