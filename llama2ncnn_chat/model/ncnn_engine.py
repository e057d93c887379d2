"""The engine on ncnn: loads a converted model, feeds it chunks of ids, keeps its KV cache.

Knows no text and draws nothing; how far a load is, it tells a callback. ncnn itself, and all that
depends on how ncnn lays out memory, is in ``ncnn_memory``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convert import desc as names
from convert.desc import ModelDesc, read_desc, verify
from convert.errors import ConvertError
from convert.formats.mixture import Matrices
from convert.rope_tables import tables
from convert.seal import ReplacedError, Seal, read_sealed
from convert.shape import LIMITS, ModelShape
from convert.stem import file_of

from ..errors import Advice, ChatError, ModelError, UsageError
from .batches import PREFILL_BATCH, prefill_chunk
from .engine import Cancelled
from .kv_cache import KvCache, rotate
from .loading import load_net
from .model_files import read_param
from .ncnn_memory import checked, extract, ncnn, no_mats_left_behind, to_mat
from .threads import allowed_threads, default_threads
from .weights_file import WeightsFile

Float32 = npt.NDArray[np.float32]
Seen = Callable[[str, Float32], None]


class ContextFullError(ChatError):
    """More tokens than the context has room for; nothing has been fed."""


class NcnnEngine:
    """A loaded model. Implements ``Engine``; not for two threads at once."""

    def __init__(
        self,
        stem: Path,
        *,
        threads: int | None = None,
        context_length: int | None = None,
        check: bool = False,
        seal: Seal | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Load the model at ``stem``.

        ``context_length`` goes before the model's own; ``check`` holds the whole ``.bin`` against
        its checksum first; ``seal`` is that of the files whose tokenizer is in use; ``progress`` is
        told the bytes read and their total. Raises ``ModelError`` for files that are missing,
        damaged, or don't belong together.
        """

        def opened() -> tuple[ModelDesc, str, WeightsFile]:
            d = read_desc(stem)
            file, param = WeightsFile(file_of(stem, ".bin"), d.bin_size), read_param(stem, d)
            if check:
                verify(stem, d, progress and (lambda done: progress(done, d.bin_size)))
            return d, param, file

        try:
            (self.desc, param, file), found = read_sealed(stem, opened)
            if seal not in (None, found):
                raise ReplacedError(stem)
        except ConvertError as e:
            raise ModelError(e.message, e.hint) from e
        self.stem = stem
        self._shape = shape = self.desc.shape
        self.vocab_size = shape.vocab_size
        self.context_length = _context_length(shape, context_length)
        self._rope = shape.rope.at_context(shape.head_dim, self.context_length)
        n_threads = allowed_threads(threads or default_threads())
        self._loaded = load_net(file, self.desc, param, self.context_length, n_threads, progress)
        self._net, self.note = self._loaded.net, self._loaded.note
        self.computed_by = self._loaded.computed_by
        self._cache = self._loaded.cache
        self.prefill_chunk = prefill_chunk(shape)
        self.chunks_matter = self._loaded.layers is None

    @property
    def position(self) -> int:
        """How many tokens the cache holds."""
        return self._cache.position

    @property
    def threads(self) -> int:
        """How many threads compute; what is set is brought into the range that OpenMP can start."""
        return int(self._net.opt.num_threads)

    @threads.setter
    def threads(self, n: int) -> None:
        self._net.opt.num_threads = allowed_threads(n)

    def forward(self, ids: Sequence[int], cancelled: Cancelled | None = None) -> Float32:
        """Feed ``ids``; returns the logits ``(vocab_size,)`` that follow the last of them.

        Raises ``CalledOffError`` as soon as ``cancelled`` between two layers, and ``ModelError``
        if the model's file has changed.
        """
        self._refuse(ids)
        with no_mats_left_behind():
            for start in range(0, len(ids), PREFILL_BATCH):
                hidden = self._trunk(ids[start : start + PREFILL_BATCH], cancelled)
            logits: Float32 = self._head(hidden[-1:])[0]
            return logits

    def forward_all(self, ids: Sequence[int]) -> Float32:
        """Feed ``ids``; returns the logits ``(len(ids), vocab_size)`` that follow each of them."""
        self._refuse(ids)
        batches = range(0, len(ids), PREFILL_BATCH)
        with no_mats_left_behind():
            return np.concatenate(
                [self._head(self._trunk(ids[start : start + PREFILL_BATCH])) for start in batches]
            )

    def rewind(self, position: int) -> None:
        """Forget all tokens from ``position`` on; no memory is touched."""
        if not 0 <= position <= self.position:
            raise ValueError(f"can't rewind from {self.position} to {position}")
        self._cache.position = position

    def snapshot(self) -> KvCache:
        """Return a copy of the cache, in an order that doesn't depend on the CPU."""
        layers = (self._cache.read(i, 0, self.position) for i in range(self._shape.n_layers))
        keys, values = zip(*layers, strict=True)
        return KvCache(np.stack(keys), np.stack(values))

    def restore(self, cache: KvCache) -> None:
        """Replace the cache by a copy of ``cache``, whose shape must be this model's."""
        s, n = self._shape, cache.n_tokens
        shape = (s.n_layers, s.n_kv_heads, n, s.head_dim)
        if cache.keys.shape != shape or cache.values.shape != shape or n > self.context_length:
            raise ValueError(f"a cache of shape {cache.keys.shape} isn't this model's")
        for i in range(s.n_layers):
            self._cache.write(i, 0, cache.keys[i], cache.values[i])
        self._cache.position = n

    def cut(self, start: int, stop: int) -> None:
        """Remove positions ``start`` to ``stop``; the later ones move up, their keys rotated."""
        if not 0 <= start <= stop <= self.position:
            raise ValueError(f"can't cut {start}..{stop} out of {self.position}")
        for i in range(self._shape.n_layers):
            keys, values = self._cache.read(i, stop, self.position)
            moved = rotate(keys, start - stop, self._rope) if self._shape.turns(i) else keys
            self._cache.write(i, start, moved, values)
        self._cache.position -= stop - start

    def borrow(self, other: NcnnEngine, matrices: Matrices) -> None:
        """Compute with these matrices of another conversion from now on, with all others of this.

        ``other`` must stay open for that time. Raises ``ValueError`` where there are no kernels.
        """
        self._loaded.borrow(other._loaded, matrices)

    def close(self) -> None:
        """Free weights and cache; more than once does no harm."""
        self._loaded.close()

    def _refuse(self, ids: Sequence[int]) -> None:
        if not len(ids):
            raise ValueError("no tokens to feed")
        if min(ids) < 0 or max(ids) >= self.vocab_size:
            raise ValueError(f"token ids {min(ids)}..{max(ids)} of a vocabulary {self.vocab_size}")
        self._loaded.refuse_change()
        if self.position + len(ids) > self.context_length:
            raise ContextFullError(
                f"{len(ids):,} tokens after {self.position:,} exceed the context of "
                f"{self.context_length:,}",
                Advice.LENGTHEN_CONTEXT,
            )

    def watch(
        self, ids: Sequence[int], trunk: Sequence[str], head: Sequence[str], seen: Seen
    ) -> None:
        """Feed one batch, show ``seen`` what blobs of the graph then hold, and forget it again.

        The blobs stand in the order of the graph, those of its ``head`` by themselves.
        """
        self._refuse(ids)
        with no_mats_left_behind():
            self._show(ids, trunk, head, seen)

    def _show(
        self, ids: Sequence[int], trunk: Sequence[str], head: Sequence[str], seen: Seen
    ) -> None:
        extractor = self._fed(ids)
        for blob in trunk:
            seen(blob, np.array(extract(extractor, blob)))
        hidden = np.array(extract(extractor, names.HIDDEN))
        checked(extractor.input(names.HEAD_IN, to_mat(hidden)), "input", names.HEAD_IN)
        for blob in head:
            seen(blob, np.array(extract(extractor, blob)))

    def _fed(self, ids: Sequence[int]) -> ncnn.Extractor:
        """Prepare one batch behind what the cache holds; nothing is computed yet."""
        m, p = len(ids), self.position
        cos, sin = tables(self._rope, self._shape.head_dim, p, p + m)
        extractor = self._net.create_extractor()
        for blob, array in ((names.X, self._loaded.embed(ids)), (names.COS, cos), (names.SIN, sin)):
            checked(extractor.input(blob, to_mat(array)), "input", blob)
        self._cache.enter(extractor, m)
        return extractor

    def _trunk(self, ids: Sequence[int], cancelled: Cancelled | None = None) -> Float32:
        """Feed one batch; returns its final hidden states ``(len(ids), dim)``.

        Whatever is raised, the cache is what it was before.
        """
        extractor = self._fed(ids)
        hidden = self._cache.compute(extractor, cancelled)
        self._loaded.refuse_change()
        self._cache.position += len(ids)
        return np.array(hidden)

    def _head(self, hidden: Float32) -> Float32:
        extractor = self._net.create_extractor()
        checked(extractor.input(names.HEAD_IN, to_mat(hidden)), "input", names.HEAD_IN)
        logits = np.array(extract(extractor, names.LOGITS))
        self._loaded.refuse_change()
        return logits


def _context_length(s: ModelShape, wanted: int | None) -> int:
    if wanted is None:
        return s.context_length
    # More than the header says may be good: an exporter wrote there what it was told.
    most = LIMITS["context_length"]
    if not 0 < wanted <= most:
        raise UsageError(f"a context of {wanted:,} tokens", f"choose 1 to {most:,}")
    return wanted
