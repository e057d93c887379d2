"""From a model's files to a net that is ready: by ncnn's layers alone, or with ours among them.

A model in panels (q8, q4) is mapped and ready at once where there are kernels for this CPU. Where
there are none, ncnn loads its weights in blocks of its own, made of the panels as it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import RawIOBase
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convert.decoder import codec_of_model
from convert.desc import PANELS, ModelDesc
from convert.errors import ConvertError
from convert.formats.mixture import Matrices
from convert.formats.panels import ROWS, panel_bytes, rows_of
from convert.places import places_of
from convert.plain_weights import plain_graph, plain_size, plain_weights

from ..errors import ModelError
from .fused_layers import FusedLayers
from .graph_cache import GraphCache
from .kernels.choose import NoKernelsError, kernels
from .kv_cache import LiveCache
from .ncnn_memory import NCNN_HERE, WeightReader, ncnn, new_net
from .own_cache import OwnCache
from .weights_file import WeightsFile

if TYPE_CHECKING:
    from .kernels.build import Kernels

Progress = Callable[[int, int], None]
TOKEN_TABLE = ("embedding", 0)
Embedding = Callable[[npt.NDArray[np.intp]], npt.NDArray[np.float32]]


@dataclass
class LoadedNet:
    """A net with its weights and its cache, the open file, and what it takes from there.

    ``embedding`` is how tokens are looked up in that file; ``computed_by`` and ``note`` are an
    engine's. The matrices ``borrowed`` are those of ``lender``, for as long as both are.
    """

    net: ncnn.Net
    cache: LiveCache
    file: WeightsFile
    embedding: Embedding
    computed_by: str
    layers: FusedLayers | None = None
    note: str = ""
    lender: LoadedNet | None = None
    borrowed: Matrices = frozenset()

    def borrow(self, other: LoadedNet, matrices: Matrices) -> None:
        """Take these matrices from another conversion from now on, and all others from this one.

        A tied classifier's table of tokens goes with it. Both must be in panels and have kernels.
        """
        if self.layers is None or other.layers is None:
            raise ValueError("without kernels there is nothing to borrow")
        self.layers.borrow(other.layers, matrices)
        self.lender, self.borrowed = other, matrices

    def embed(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """Look ids up, float32 ``(len(ids), dim)``."""
        shared = self.lender if TOKEN_TABLE in self.borrowed else None
        return (shared or self).embedding(np.asarray(ids))

    def refuse_change(self) -> None:
        """Raise ``ModelError`` if a file that weights are read from was written to."""
        self.file.refuse_change()
        if self.lender:
            self.lender.refuse_change()

    def close(self) -> None:
        """Free the net, then what it was made of; more than once does no harm."""
        self.cache.close()
        self.net.clear()
        self.layers = self.lender = None
        self.embedding = _nothing
        self.file.close()


def load_net(
    file: WeightsFile,
    d: ModelDesc,
    param: str,
    context_length: int,
    threads: int,
    progress: Progress | None,
) -> LoadedNet:
    """Load the weights in ``file``, which ``d`` describes, into the graph ``param``.

    Its cache has room for ``context_length`` tokens. ``progress`` is told the bytes that ncnn has
    read and their total. Raises ``ModelError``.
    """
    try:
        ours, note = _kernels_for(d)
        without = codec_of_model(d).fused and ours is None
        cache: LiveCache
        if ours:
            cache = OwnCache(d.shape, context_length, ours.cpu)
            layers = FusedLayers(d.shape, places_of(d), file, ours, cache)
        else:
            cache, layers = GraphCache(d.shape, context_length), None
        by = f"{ours.kind} kernels" if ours else NCNN_HERE
        loaded = LoadedNet(new_net(threads), cache, file, _embedding(d, file), by, layers, note)
        if layers:
            layers.register(loaded.net)
        if without:
            chunks = _Chunks(plain_weights(d, file.read))
            _load(loaded, plain_graph(d).to_param(), chunks, plain_size(d), progress)
        else:
            _load(loaded, param, file.file, d.weights_size, progress)
    except OSError as e:
        raise ModelError(f"{file.path}: can't read: {e.strerror}") from e
    except ConvertError as e:
        raise ModelError(f"{file.path}: {e.message}", e.hint) from e
    return loaded


def _kernels_for(d: ModelDesc) -> tuple[Kernels | None, str]:
    """Find what a model in panels runs on, and a note; where there is nothing, it says why."""
    if not codec_of_model(d).fused:
        return None, ""
    try:
        found = kernels(ncnn.__file__)
    except NoKernelsError as e:
        return None, f"running on ncnn's own layers, slower and in more memory: {e}"
    return found, found.notes.pop() if found.notes else ""


def _nothing(_ids: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
    raise ValueError("the model is closed")


def _embedding(d: ModelDesc, file: WeightsFile) -> Embedding:
    dim = d.shape.dim
    if d.embedding_dtype == PANELS:
        return lambda ids: _rows_in_panels(file, d.embedding_offset, ids, dim)
    kind = np.dtype(d.embedding_dtype)

    def look_up(ids: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
        raw = file.rows(d.embedding_offset, dim * kind.itemsize, ids)
        return raw.view(kind).astype(np.float32)

    return look_up


def _rows_in_panels(
    file: WeightsFile, offset: int, ids: npt.NDArray[np.intp], dim: int
) -> npt.NDArray[np.float32]:
    panel, row = np.divmod(ids, ROWS)
    panels = file.rows(offset, panel_bytes(dim, 8), panel)
    return rows_of(panels, np.arange(len(ids)) * ROWS + row, dim)


def _load(
    loaded: LoadedNet, param: str, source: RawIOBase, size: int, progress: Progress | None
) -> None:
    path = loaded.file.path
    if loaded.net.load_param_mem(param) != 0:
        raise ModelError(f"{path}: ncnn can't read its graph", "convert the model again")
    reader = WeightReader(source, size, progress)
    if loaded.net.load_model(reader) != 0 or reader.position != size:
        raise ModelError(
            f"{path}: ncnn read {reader.position:,} of {size:,} bytes and gave up: too little "
            "memory, or a damaged file",
            "close other programs, or convert with smaller weights",
        )


class _Chunks(RawIOBase):
    """Bytes that come in pieces, as a file that is read once from end to end."""

    def __init__(self, pieces: Iterator[bytes | memoryview]) -> None:
        super().__init__()
        self._pieces, self._left = pieces, memoryview(b"")

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` with what comes next; returns how many bytes came."""
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece).cast("B")
        n = min(len(buffer), len(self._left))
        buffer[:n], self._left = self._left[:n], self._left[n:]
        return n
