"""A model's ``.bin``, opened once: ncnn reads from it, our own layers and the embedding map it.

Whatever stands under that name later, one model's weights are read; and a change of the file
itself is noticed before it is used. Knows no layout and no ncnn.
"""

from __future__ import annotations

import mmap
import os
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ModelError

Bytes = npt.NDArray[np.uint8]


class WeightsFile:
    """An open ``.bin``; ``bytes`` is all of it, read by the system as it is touched."""

    def __init__(self, path: Path, size: int) -> None:
        """Open and map the file, which must have ``size`` bytes.

        Raises ``ModelError`` where it has others, and ``OSError``.
        """
        self.path = path
        self.file = open(path, "rb", buffering=0)  # noqa: SIM115 - below
        self.close = weakref.finalize(self, self.file.close)
        """Close the file, as happens by itself when nobody has it any more; its bytes stay."""
        self._state = self._now()
        if self._state[0] != size:
            raise ModelError(
                f"{path}: {self._state[0]:,} bytes, but its description says {size:,}",
                "convert the model again",
            )
        # The array keeps the map alive, and goes with the last that looks at it.
        self.bytes: Bytes = np.frombuffer(
            mmap.mmap(self.file.fileno(), size, access=mmap.ACCESS_READ), np.uint8
        )

    def view(self, offset: int, dtype: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """Look at numbers that begin at ``offset``, without reading them yet."""
        kind = np.dtype(dtype)
        n_bytes = int(np.prod(shape)) * kind.itemsize
        return self.bytes[offset : offset + n_bytes].view(kind).reshape(shape)

    def refuse_change(self) -> None:
        """Raise ``ModelError`` if the file was written to since it was opened."""
        if self._now() != self._state:
            raise ModelError(
                f"{self.path}: was changed while it was in use",
                "start again; if it is being copied, when that is done",
            )

    def _now(self) -> tuple[int, int]:
        status = os.fstat(self.file.fileno())
        return status.st_size, status.st_mtime_ns
