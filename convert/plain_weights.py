"""The weights of a fused model as a plain graph wants them, for an engine without our own layers.

Has panels read out of a ``.bin`` and makes ncnn's 8-bit blocks of 32 of them, slice by slice.
Opens no file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import decoder
from .desc import ModelDesc
from .formats.blocks import Blocks
from .formats.codec import Float32, QuantisedRows
from .formats.panels import BLOCK, ROWS, decode, panel_bytes, unpack
from .graph import Graph, Matrix, Panels, Vector
from .places import Place, places_of

PLAIN = Blocks("b8", 8, BLOCK)
"""What keeps 8-bit panels as they are, and 4-bit ones as well as it can."""

SLICE_VALUES = 1 << 20

Bytes = npt.NDArray[np.uint8]
Read = Callable[[int, int], Bytes]


def plain_graph(d: ModelDesc) -> Graph:
    """Build the graph of a fused model out of ncnn's own layers."""
    return decoder.build(d.shape, PLAIN)


def plain_size(d: ModelDesc) -> int:
    """Count the bytes that ``plain_weights`` yields."""
    wanted = (layer.weights for layer in plain_graph(d).layers)
    return sum(
        PLAIN.disk_bytes(w.rows, w.cols) if isinstance(w, Matrix) else 4 * w.size
        for w in wanted
        if isinstance(w, Matrix | Vector)
    )


def plain_weights(d: ModelDesc, read: Read) -> Iterator[memoryview]:
    """Yield what ncnn reads for ``plain_graph``, in its order, a few MB at a time.

    ``read`` gives the bytes of the ``.bin`` from an offset on, and as many. Raises
    ``ConvertError`` for a description that isn't of such a file, ``NonFiniteError`` for a damaged
    one, and what ``read`` raises.
    """
    of = places_of(d).of
    for weights in (layer.weights for layer in plain_graph(d).layers):
        if isinstance(weights, Vector):
            for name in weights.tensors:
                place = of[name, weights.layer]
                yield read(place.offset, place.size).data
        elif isinstance(weights, Matrix):
            found = (of[name, weights.layer] for name in weights.tensors)
            yield from PLAIN.pieces(rows for place in found for rows in _slices(read, place))


def _slices(read: Read, place: Place) -> Iterator[PanelRows]:
    panels = place.weights
    assert isinstance(panels, Panels)
    stride = panel_bytes(panels.cols, panels.bits)
    step = max(ROWS, SLICE_VALUES // panels.cols // ROWS * ROWS)
    for start in range(0, panels.rows, step):
        rows = min(step, panels.rows - start)
        at = place.offset + start // ROWS * stride
        raw = read(at, -(-rows // ROWS) * stride)
        yield PanelRows(raw, rows, panels.cols, panels.bits)


@dataclass(frozen=True)
class PanelRows:
    """Rows of a matrix in panels, from the bytes of those panels. Implements ``RowSlice``."""

    raw: Bytes
    rows: int
    cols: int
    bits: int
    importance = None

    def floats(self) -> Float32:
        """Compute them, float32 ``(rows, cols)``."""
        return decode(self.raw, self.rows, self.cols, self.bits)

    def quantised(self, bits: int, block: int, *, offsets: bool = False) -> QuantisedRows | None:
        """Read them as they are stored, if that is in such blocks; None if not."""
        if (bits, block) != (self.bits, BLOCK) or (bits == 4 and not offsets):
            return None
        return unpack(self.raw, self.rows, self.cols, self.bits)
