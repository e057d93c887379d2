"""A model's ``.bin``, opened once: ncnn and the look-up of tokens read it, our layers map it.

Whatever stands under that name later, one model's weights are read; and a change of the file
itself is noticed before it is used. Knows no layout and no ncnn.
"""

from __future__ import annotations

import mmap
import os
import weakref
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convert.errors import ConvertError
from convert.files import open_regular

from ..errors import ModelError

Bytes = npt.NDArray[np.uint8]


class WeightsFile:
    """An open ``.bin``. Not for two threads at once."""

    def __init__(self, path: Path, size: int) -> None:
        """Open the file, which must have ``size`` bytes. Raises ``ConvertError``."""
        self.path = path
        self.file = open_regular(path)
        self.close = weakref.finalize(self, self.file.close)
        """Close the file, as happens by itself when nobody has it any more; a map stays."""
        self._state = self._now()
        if self._state[0] != size:
            raise ConvertError(
                f"{path}: {self._state[0]:,} bytes, but its description says {size:,}",
                "convert the model again",
            )

    @cached_property
    def bytes(self) -> Bytes:
        """All of it, mapped: read by the system as it is touched.

        What touches a page that isn't there any more ends the process, where nothing guards it.
        """
        # The array keeps the map alive, and goes with the last that looks at it.
        size = self._state[0]
        return np.frombuffer(mmap.mmap(self.file.fileno(), size, access=mmap.ACCESS_READ), np.uint8)

    def read(self, offset: int, n: int) -> Bytes:
        """Read ``n`` bytes from ``offset`` on. Raises ``ModelError`` where there are fewer."""
        return self.rows(offset, n, (0,)).reshape(n)

    def rows(self, offset: int, n: int, which: Iterable[int]) -> Bytes:
        """Read rows of ``n`` bytes each of a table that begins at ``offset``, ``(rows, n)``.

        Raises ``ModelError`` where they aren't there.
        """
        # Not mapped: of a file that was cut short this is a short read, and no bus error.
        numbers = list(which)
        raw = np.empty((len(numbers), n), np.uint8)
        try:
            for row, number in zip(raw, numbers, strict=True):
                self.file.seek(offset + int(number) * n)
                if self.file.readinto(row.data) != n:
                    raise self._changed()
        except OSError as e:
            raise ModelError(f"{self.path}: can't read: {e.strerror}") from e
        return raw

    def refuse_change(self) -> None:
        """Raise ``ModelError`` if the file was written to since it was opened."""
        if self._now() != self._state:
            raise self._changed()

    def _changed(self) -> ModelError:
        return ModelError(
            f"{self.path}: was changed while it was in use",
            "start again; if it is being copied, when that is done",
        )

    def _now(self) -> tuple[int, int]:
        status = os.fstat(self.file.fileno())
        return status.st_size, status.st_mtime_ns
