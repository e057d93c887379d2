"""What people bring, as named tensors. The rest of the converter comes in by ``open_source``."""

from __future__ import annotations

import os
from pathlib import Path

from .gguf.checkpoint import GgufCheckpoint
from .gguf.file import is_gguf
from .llama2c import Llama2cCheckpoint
from .source import TensorSource


def open_source(path: str | os.PathLike[str]) -> TensorSource:
    """Open what is at ``path``, known by its content and never by its name. Use it in ``with``.

    A legacy llama2.c checkpoint has no mark of its own, so what nobody else knows is taken for
    one, and refused by the numbers in its header. Raises ``ConvertError``.
    """
    path = Path(path)
    return GgufCheckpoint(path) if is_gguf(path) else Llama2cCheckpoint(path)
