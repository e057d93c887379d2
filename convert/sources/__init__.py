"""What people bring, as named tensors. The rest of the converter comes in by ``open_source``."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import ConvertError
from ..files import is_file, is_folder
from .gguf.checkpoint import GgufCheckpoint
from .gguf.file import is_gguf
from .huggingface import is_huggingface, open_huggingface
from .llama2c import Llama2cCheckpoint
from .meta import is_meta, open_meta
from .not_models import adapter_without_base, is_adapter, no_model_in, not_a_model
from .parts import part_of_folder
from .source import TensorSource


def open_source(path: str | os.PathLike[str]) -> TensorSource:
    """Open what is at ``path``, known by its content and never by its name. Use it in ``with``.

    A legacy llama2.c checkpoint has no mark of its own, so what nobody else knows is taken for
    one, and refused by the numbers in its header. Raises ``ConvertError``.
    """
    path = model_at(Path(path))
    if is_folder(path):
        return _open_folder(path)
    if is_gguf(path):
        return GgufCheckpoint(path)
    try:
        return Llama2cCheckpoint(path)
    except ConvertError as error:
        raise not_a_model(path) or error from None


def model_at(path: Path) -> Path:
    """Find what is meant by a path: the folder of a file that is no model by itself.

    Raises ``ConvertError`` where that folder isn't one.
    """
    what = part_of_folder(path) if is_file(path) else ""
    if not what or is_huggingface(path.parent) or is_meta(path.parent):
        return path.parent if what else path
    if is_adapter(path.parent):
        raise adapter_without_base(path)
    raise ConvertError(
        f"{path}: {what} without config.json or params.json beside it",
        "name the whole folder of a model",
    )


def _open_folder(folder: Path) -> TensorSource:
    if is_adapter(folder):
        raise adapter_without_base(folder)
    if is_huggingface(folder):
        return open_huggingface(folder)
    if is_meta(folder):
        return open_meta(folder)
    raise no_model_in(folder)
