"""What the converter reads from: the ``TensorSource`` protocol, and what its readers share.

Knows no format. Nothing is read, mapped or allocated beyond the slice that is asked for.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import ConvertError
from ..files import open_regular
from ..formats.codec import Float32, QuantisedRows
from ..shape import ModelShape

SAMPLE_BYTES, N_SAMPLES = 4096, 64

NOTHING: Mapping[str, Any] = MappingProxyType({})
"""What a file that holds tensors alone says besides."""


FLOAT_BITS = 16
"""From so many bits a value on it is a float, not quantised."""


class TensorSource(Protocol):
    """A model as a person has it: its shape, and its tensors by the names of ``ModelShape``.

    Close it, or use it in ``with``. ``path`` is what the person named and ``files`` all that is
    read, ``size`` in bytes together; ``format`` says in words what it is. ``block`` is how many of
    its values share a scale, 0 for floats. ``template`` names the chat template that it was made
    for, "own" if its files have one. ``metadata`` is what a file says besides tensors, by key.
    ``says_rope_order`` tells whether its format settles which numbers of a head make a pair, or the
    shape's RoPE has only what is usual.
    """

    path: Path
    files: tuple[Path, ...]
    size: int
    format: str
    shape: ModelShape
    block: int
    template: str
    metadata: Mapping[str, Any]
    says_rope_order: bool

    def __enter__(self) -> TensorSource: ...

    def __exit__(self, *_: object) -> None: ...

    def fingerprint(self) -> str:
        """Make a short text that tells this source from others, without reading all of it."""

    def type_of(self, name: str, layer: int) -> str:
        """Name the type that one layer of a tensor is stored in, as Q8_0."""

    def bits_of(self, name: str, layer: int) -> int:
        """Tell how many bits the values of one layer of a tensor have."""

    def tensor_bytes(self, name: str) -> int:
        """Count the bytes that one layer of the tensor takes in the source."""

    def rows(self, name: str, layer: int, start: int, stop: int) -> Float32:
        """Read rows ``start`` to ``stop`` of one layer of a tensor, ``(stop - start, cols)``."""

    def quantised_rows(
        self,
        name: str,
        layer: int,
        start: int,
        stop: int,
        bits: int,
        block: int,
        *,
        offsets: bool = False,
    ) -> QuantisedRows | None:
        """Read the same rows as they are stored, if that is in such blocks; None if it isn't.

        Blocks that have an offset each come only where ``offsets`` allows them.
        """


class InputFile:
    """A file open for reading at any place; every failure is a ``ConvertError`` that names it."""

    def __init__(self, path: Path) -> None:
        """Open it; what is no regular file is refused without waiting."""
        self.path = path
        self._file = open_regular(path)
        self.size = os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """Close it; reading is over."""
        self._file.close()

    def read(self, at: int, n: int, what: str) -> npt.NDArray[np.uint8]:
        """Read ``n`` bytes from ``at`` on; ``what`` they are goes into the error."""
        # Plain reads, not a memory map: a file that shrinks under us is then a short read with a
        # clear error instead of SIGBUS, and a 27 GB checkpoint doesn't show up as resident memory.
        if at + n > self.size:
            raise self._too_short(at, n, what, max(0, self.size - at))
        buffer, got = np.empty(n, np.uint8), 0
        try:
            self._file.seek(at)
            # A network's file system may give less at once than there is.
            while k := self._file.readinto(buffer.data[got:]):
                got += k
        except OSError as e:
            raise ConvertError(f"{self.path}: can't read {what}: {e.strerror}") from e
        if got != n:
            raise self._too_short(at, n, what, got)
        return buffer

    def _too_short(self, at: int, n: int, what: str, got: int) -> ConvertError:
        return ConvertError(
            f"{self.path}: {what} wants {n:,} bytes at {at:,} and the file has {got:,}",
            "it is damaged, or changed while it was read",
        )


def sampled_sha256(files: Sequence[InputFile]) -> str:
    """Hash samples from all over every file, in hex: 27 GB are not read for a label."""
    digest = hashlib.sha256()
    for file in files:
        last = max(0, file.size - SAMPLE_BYTES)
        for i in range(N_SAMPLES):
            at = last * i // (N_SAMPLES - 1)
            digest.update(file.read(at, min(SAMPLE_BYTES, file.size), "a sample").tobytes())
    return digest.hexdigest()
