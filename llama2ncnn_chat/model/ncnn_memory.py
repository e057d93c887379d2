"""Between numpy's memory and ncnn's: arrays to Mats, weights from a file, the order of a cache.

Everything that depends on how ncnn lays out or owns memory is here. Imports ``ncnn`` after the
spin count is set, and hands it on; knows nothing of models.
"""

from __future__ import annotations

import ctypes
import platform
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import RawIOBase
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import Advice, ChatError, ModelError
from .threads import set_spin_count

OLDEST = "1.0.20261020"
UPGRADE = f"pip install --upgrade 'ncnn>={OLDEST}'"

set_spin_count()
try:
    import ncnn as ncnn  # its OpenMP reads the environment on import
except ImportError as e:
    raise ModelError(f"ncnn can't be loaded: {e}", UPGRADE) from e
_VERSION = str(getattr(ncnn, "__version__", "none"))
if not hasattr(ncnn, "Net") or _VERSION < OLDEST:  # of one length, by their dates
    raise ModelError(f"ncnn {_VERSION} is too old, {OLDEST} is needed", UPGRADE)

_AVX2 = " avx2" if ncnn.cpu_support_x86_avx2() else ""
NCNN_HERE = f"ncnn {_VERSION} {platform.machine()}{_AVX2}"
"""ncnn's version and the class of CPU: another adds up in another order, and rounds elsewhere."""

Float32 = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]

CACHE_BLOCK = 64
"""A cache's capacity is a multiple of this: SDPA packs keys in blocks of 4 to 16 positions, as the
CPU likes, and writes past the end of a cache whose last block isn't whole."""


def new_net(threads: int) -> ncnn.Net:
    """Return an empty net that computes and keeps its blobs in float32 on every CPU.

    Left alone, ncnn takes 16-bit floats where the CPU has arithmetic for them (Apple's, newer
    ARMs'): results a thousand times coarser, and a cache that isn't the float32 that is read here.
    """
    net = ncnn.Net()
    net.opt.num_threads = threads
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_packed = net.opt.use_bf16_storage = False
    return net


@contextmanager
def no_mats_left_behind() -> Iterator[None]:
    """Let go of the Mats that the frames of an error inside hold, a signal's among them.

    They lie in the net's memory, and ncnn ends the process if that goes first.
    """
    try:
        yield
    except BaseException as e:
        traceback.clear_frames(e.__traceback__)
        raise


def to_mat(array: Float32) -> ncnn.Mat:
    """Copy an array into a Mat: ncnn itself neither copies it nor keeps it alive."""
    array = np.ascontiguousarray(array, np.float32)
    return ncnn.Mat(array).clone()


class WeightReader(ncnn.DataReader):  # type: ignore[misc]
    """Feeds ncnn the next ``size`` bytes of a file and counts them.

    ncnn's own loader reads without a word, with the interpreter locked, and takes a short read
    for a success in some layers.
    """

    def __init__(
        self, file: RawIOBase, size: int, progress: Callable[[int, int], None] | None
    ) -> None:
        """Read ``file`` from where it stands; ``progress`` is told the bytes read and ``size``."""
        super().__init__()
        self._file, self._size, self._progress = file, size, progress
        self.position = 0

    def scan(self, _format: str, _target: Any) -> int:
        """Return 0: ncnn calls this for models in its text format alone."""
        return 0

    def read(self, buffer: Any, size: int) -> int:
        """Read ``size`` bytes to the address in the capsule ``buffer``; returns how many came.

        ncnn calls this.
        """
        size = min(size, self._size - self.position)
        target = (ctypes.c_char * size).from_address(_address(buffer))
        view = memoryview(target).cast("B")
        done = 0
        while done < size:
            n = self._file.readinto(view[done:])
            if not n:
                break
            done += n
        self.position += done
        if self._progress:
            self._progress(self.position, self._size)
        return done


def _address(capsule: Any) -> int:
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(get(capsule, None))


@dataclass(frozen=True)
class CacheLayout:
    """Where a head's numbers stand: ``keys[t, d]`` and ``values[t, d]`` are offsets in floats.

    Both are ``(capacity, head_dim)``. SDPA keeps them in an order that depends on the CPU.
    """

    keys: Index
    values: Index

    def read(self, mat: ncnn.Mat, index: Index, out: Float32) -> None:
        """Copy tokens of the Mat to ``out``, ``(n_kv_heads, n_tokens, head_dim)``."""
        n = out.shape[1]
        np.take(self._heads(mat), index[:n], axis=1, out=out, mode="clip")

    def write(self, mat: ncnn.Mat, index: Index, tokens: Float32) -> None:
        """Copy ``tokens``, shaped like ``read``'s, into the Mat; its length stays as it is."""
        self._heads(mat)[:, index[: tokens.shape[1]]] = tokens

    def _heads(self, mat: ncnn.Mat) -> Float32:
        """Return a view of the Mat's whole memory, ``(n_kv_heads, capacity * head_dim)``."""
        if mat.cstep < self.keys.size:
            # Not seen on x86; where SDPA copies its cache, it copies the filled part alone.
            raise ChatError(
                "ncnn has moved the KV cache to where it can't be copied on this CPU",
                Advice.KEEP_NO_CACHE,
            )
        n = mat.h
        mat.h = len(self.keys)
        view = np.asarray(mat)
        mat.h = n
        return view.reshape(view.shape[0], -1)


def probe_layout(head_dim: int, capacity: int) -> CacheLayout:
    """Find out this CPU's cache order: send numbered keys and values through, see where they land.

    The numbers are integers in the bits of floats; SDPA moves them about and does no sums on them
    that we look at.
    """
    net = new_net(threads=1)
    net.load_param_mem(_PROBE)
    net.load_model(ncnn.DataReaderFromEmpty())
    numbers = np.arange(capacity * head_dim, dtype=np.int32).reshape(1, capacity, head_dim)
    cells = to_mat(numbers.view(np.float32))
    cache = [ncnn.Mat((head_dim, capacity, 1)) for _ in range(2)]
    extractor = net.create_extractor()
    extractor.input("q", to_mat(np.zeros((1, 1, head_dim), np.float32)))
    extractor.input("mask", to_mat(np.zeros((1, capacity), np.float32)))
    for name, mat in (("k", cells), ("v", cells.clone())):
        extractor.input(name, mat)
    for name, mat in zip(("k_in", "v_in"), cache, strict=True):
        mat.h = 0
        extractor.input(name, mat)
    order = []
    for name in ("att", "k_out", "v_out"):
        code, mat = extractor.extract(name, 1)
        if code != 0:
            raise RuntimeError(f"ncnn: the probe of SDPA's cache failed with {code}")
        order.append(mat)
    keys, values = (_inverse(np.array(mat).view(np.int32), numbers.shape[1:]) for mat in order[1:])
    return CacheLayout(keys, values)


def _inverse(landed: npt.NDArray[np.int32], shape: tuple[int, ...]) -> Index:
    """Turn numbers by offset into offsets by number."""
    index = np.empty(landed.size, np.intp)
    flat = landed.ravel()
    if not np.array_equal(np.sort(flat), np.arange(flat.size)):
        raise RuntimeError("ncnn keeps its cache in an order that isn't a permutation")
    index[flat] = np.arange(flat.size)
    return index.reshape(shape)


_PROBE = """7767517
7 9
Input q 0 1 q
Input k 0 1 k
Input v 0 1 v
Input mask 0 1 mask
Input k_in 0 1 k_in
Input v_in 0 1 v_in
SDPA att 6 3 q k v mask k_in v_in att k_out v_out 5=1 6=1.0 7=1
"""


def checked(code: int, what: str, blob: str) -> None:
    """Raise ``ChatError`` for a code that ncnn gave back, unless it is that of success."""
    if code != 0:
        raise ChatError(f"ncnn: {what} of {blob} failed with {code}", "is there enough memory?")


def extract(extractor: ncnn.Extractor, blob: str, kind: int = 0) -> ncnn.Mat:
    """Compute a blob, and all that it needs. Raises ``ChatError``."""
    code, mat = extractor.extract(blob, kind)
    checked(code, "extract", blob)
    return mat
