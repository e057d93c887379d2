"""The header of a ``.safetensors`` file: which tensors are where in it.

Source: the format's description in the ``safetensors`` project. Reads nothing but the header.
"""

from __future__ import annotations

import math
import struct
from typing import Any

from ..errors import ConvertError
from .folder import MAX_JSON, parse_json
from .not_models import not_a_model
from .source import InputFile
from .stored import ITEM_BYTES, StoredTensor

MAX_DIMENSIONS = 8
AGAIN = "download it again"


def read_safetensors(file: InputFile) -> dict[str, StoredTensor]:
    """List the tensors of a file by their names. Raises ``ConvertError``.

    Types that this program doesn't read are listed too: not every tensor is wanted.
    """
    if file.size < 8:
        raise not_a_model(file.path) or ConvertError(
            f"{file.path}: {file.size} bytes, shorter than any header", AGAIN
        )
    (n,) = struct.unpack("<Q", file.read(0, 8, "the header's length").tobytes())
    if not 2 <= n <= min(file.size - 8, MAX_JSON):
        raise not_a_model(file.path) or ConvertError(
            f"{file.path}: a header of {n:,} bytes, of {file.size:,} in all",
            "is it a safetensors file, and whole?",
        )
    header = parse_json(file.read(8, n, "the header").tobytes(), f"{file.path}: its header")
    start = 8 + n
    tensors = {}
    for name, entry in header.values.items():
        if name != "__metadata__":
            try:
                tensors[name] = _tensor(file, name, entry, start)
            except (KeyError, TypeError, ValueError):
                what = f"{file.path}: its header says nonsense of {name[:80]!r}"
                raise ConvertError(what, AGAIN) from None
    return tensors


def _tensor(file: InputFile, name: str, entry: dict[str, Any], start: int) -> StoredTensor:
    dtype, shape = entry["dtype"], entry["shape"]
    begin, end = entry["data_offsets"]
    whole = all(type(x) is int and 0 <= x < 1 << 62 for x in (*shape, begin, end))
    if not (isinstance(dtype, str) and whole and len(shape) <= MAX_DIMENSIONS and begin <= end):
        raise ValueError
    if start + end > file.size:
        raise ConvertError(
            f"{file.path}: truncated: {name[:80]!r} ends at {start + end:,}, "
            f"the file has {file.size:,} bytes",
            AGAIN,
        )
    if dtype in ITEM_BYTES and math.prod(shape) * ITEM_BYTES[dtype] != end - begin:
        raise ValueError
    return StoredTensor(file, name, dtype[:20], tuple(shape), start + begin)
