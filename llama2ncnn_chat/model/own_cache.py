"""The KV cache of our own layers: 16-bit floats, in the order that our attention reads."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convert import desc as names
from convert.shape import ModelShape

from ..errors import Advice, ModelError
from .engine import CalledOffError, Cancelled
from .kernels.tables import Cache
from .ncnn_memory import checked, ncnn
from .weights_file import Bytes

if TYPE_CHECKING:  # llvmlite may not be there
    from .kernels.cpus import Cpu

Float16 = npt.NDArray[np.float16]

CALLED_OFF = -200
"""What our layers return to ncnn, and ncnn to us, once they were ``cancelled``."""


class OwnCache:
    """Keys and values of all layers. Implements ``LiveCache``; only our layers read or add.

    They ask ``cancelled`` as they go, and return ``CALLED_OFF`` if so.
    """

    def __init__(self, shape: ModelShape, context_length: int, cpu: Cpu) -> None:
        """Set the memory aside, in the order that kernels for that CPU read.

        The system gives it as it is written to. Raises ``ModelError`` where there is too little.
        """
        lanes, queries = cpu.lanes, cpu.queries[0]  # each query has scores of its own
        capacity = -(-context_length // lanes) * lanes
        heads = (shape.n_layers, shape.n_kv_heads)
        width = -(-shape.head_dim // lanes) * lanes
        try:
            self._keys = _zeros(*heads, capacity // lanes, shape.head_dim, lanes)
            self._values = _zeros(*heads, capacity, width)
        except MemoryError as e:
            raise ModelError(
                f"no memory for a cache of {context_length:,} tokens "
                f"({shape.cache_bytes(capacity, 2):,} bytes)",
                Advice.SHORTEN_CONTEXT,
            ) from e
        self._head_dim, self._lanes = shape.head_dim, lanes
        self._scores = aligned(0)
        self.cancelled: Cancelled = _never
        self._table = Cache(position=0, capacity=capacity, scores_per_thread=queries * capacity * 4)

    @property
    def position(self) -> int:
        """How many tokens it holds. What is beyond may be rubbish."""
        return int(self._table.position)

    @position.setter
    def position(self, position: int) -> None:
        self._table.position = position

    def enter(self, extractor: ncnn.Extractor, m: int) -> None:
        """Do nothing: the layers know where it is."""

    def compute(self, extractor: ncnn.Extractor, cancelled: Cancelled | None) -> ncnn.Mat:
        """Compute the hidden states; what the layers add stands behind ``position``."""
        self.cancelled = cancelled or _never
        code, hidden = extractor.extract(names.HIDDEN)
        if code == CALLED_OFF:
            raise CalledOffError
        checked(code, "extract", names.HIDDEN)
        return hidden

    def addresses(self, layer: int) -> dict[str, int]:
        """Say where a layer's keys and values stand, and the table that all layers share."""
        keys, values = self._keys[layer].ctypes.data, self._values[layer].ctypes.data
        return {"keys": keys, "values": values, "cache": ctypes.addressof(self._table)}

    def give_room(self, threads: int) -> bool:
        """See to it that every thread has memory for scores; returns whether there was enough."""
        needed = threads * self._table.scores_per_thread
        if self._scores.size < needed:
            try:
                self._scores = aligned(needed)
            except MemoryError:
                return False
            self._table.scores = self._scores.ctypes.data
        return True

    def close(self) -> None:
        """Do nothing: the memory goes with the layers that use it."""

    def read(self, layer: int, start: int, stop: int) -> tuple[Float16, Float16]:
        """Copy tokens out, keys and values, each ``(n_kv_heads, stop - start, head_dim)``."""
        first, last = start // self._lanes, -(-stop // self._lanes)
        blocks = self._keys[layer][:, first:last].swapaxes(2, 3)
        tokens = blocks.reshape(len(blocks), -1, self._head_dim)
        begin = first * self._lanes
        keys = tokens[:, start - begin : stop - begin]
        return keys.copy(), self._values[layer][:, start:stop, : self._head_dim].copy()

    def write(
        self,
        layer: int,
        start: int,
        keys: npt.NDArray[np.floating],
        values: npt.NDArray[np.floating],
    ) -> None:
        """Put tokens, shaped like ``read``'s, from ``start`` on; ``position`` stays as it is."""
        at = np.arange(start, start + keys.shape[1])
        blocks, lanes = np.divmod(at, self._lanes)
        self._keys[layer][:, blocks, :, lanes] = keys.swapaxes(0, 1)
        self._values[layer][:, start : start + len(at), : self._head_dim] = values


def _never() -> bool:
    return False


def aligned(n_bytes: int) -> Bytes:
    """Set memory aside from the start of a cache line on, all zeros."""
    memory = np.zeros(n_bytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + n_bytes]


def _zeros(*shape: int) -> Float16:
    n_bytes = 2 * int(np.prod(shape, dtype=np.int64))
    return aligned(n_bytes).view(np.float16).reshape(shape)
