"""The table that a converted model looks tokens up in, read out of its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from convert.desc import ModelDesc
from convert.formats.panels import decode, matrix_bytes
from convert.stem import file_of

Float32 = npt.NDArray[np.float32]


def embedding_of(stem: Path, d: ModelDesc) -> Float32:
    """The rows of all tokens, whatever they are kept in."""
    raw = np.fromfile(file_of(stem, ".bin"), np.uint8, offset=d.embedding_offset)
    n, dim = d.shape.vocab_size, d.shape.dim
    if d.embedding_dtype == "panels":
        return decode(raw[: matrix_bytes(n, dim, 8)], n, dim, 8)
    return raw.view(d.embedding_dtype)[: n * dim].reshape(n, dim).astype(np.float32)
