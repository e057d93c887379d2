"""Names what people take for a model and isn't one, by its first bytes or by a folder's files.

Asked only once no reader knows a file, so that no checkpoint is ever taken for something else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConvertError
from .source import InputFile

HEAD_BYTES = 512
AGAIN = "download the model's file itself"
UNPACK = "unpack it, and name what is in it"
LFS = b"version https://git-lfs"
OLD_GGML = "convert the original weights anew to GGUF with llama.cpp, or name the original folder"
SEVERAL = 3


@dataclass(frozen=True)
class _Kind:
    begins: re.Pattern[bytes]
    what: str
    hint: str


def _kind(begins: bytes, what: str, hint: str) -> _Kind:
    return _Kind(re.compile(begins, re.DOTALL | re.IGNORECASE), what, hint)


_TOKENIZER = "name the model's file; the tokenizer goes with --tokenizer or stands beside it"
KINDS = (
    _kind(
        re.escape(LFS),
        "a Git LFS pointer, not the file that it stands for",
        "fetch the files with git lfs pull, or by naming hf:OWNER/NAME",
    ),
    _kind(
        rb"(\xef\xbb\xbf)?\s*<(!doctype|html|head|\?xml|!--)",
        "a web page, not a model",
        "download the file itself, not the page that shows it",
    ),
    _kind(rb"(lmgg|fmgg|tjgg)", "a file in ggml's old format, from before GGUF", OLD_GGML),
    _kind(rb"algg", "a LoRA adapter in ggml's old format, not a model", OLD_GGML),
    _kind(
        rb"\x08[\x01-\x20](\x12.?[\w.+-]{2}|\x3a|\x42)",
        "a model in ONNX, which isn't read",
        "name the folder or the GGUF file that it was made from",
    ),
    _kind(rb"\x1f\x8b", "compressed by gzip", f"{UNPACK} (gunzip)"),
    _kind(rb"\x28\xb5\x2f\xfd", "compressed by zstd", f"{UNPACK} (unzstd)"),
    _kind(rb"\xfd7zXZ\0", "compressed by xz", f"{UNPACK} (unxz)"),
    _kind(rb"BZh[1-9]", "compressed by bzip2", f"{UNPACK} (bunzip2)"),
    _kind(rb"(7z\xbc\xaf\x27\x1c|Rar!)", "an archive", UNPACK),
    _kind(rb".{257}ustar", "an archive by tar", f"{UNPACK} (tar xf)"),
    _kind(
        rb"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9",
        "weights by PyTorch before 1.6, whose format isn't read",
        "save them anew with a newer PyTorch, or take safetensors",
    ),
    _kind(rb"\x93NUMPY", "an array of NumPy, not a model", AGAIN),
    _kind(rb"\x89HDF", "HDF5 (as Keras writes), which isn't read", AGAIN),
    _kind(rb".{4}TFL3", "a model for TensorFlow Lite, which isn't read", AGAIN),
    _kind(rb"\x0a.{1,3}\x0a.<unk>", "a tokenizer (SentencePiece's), not a model", _TOKENIZER),
    _kind(rb".{4}(.{8})?<unk>", "a tokenizer.bin, not a model", _TOKENIZER),
    _kind(rb"[a-z0-9+/]+=* \d+\n", "a tokenizer (tiktoken's), not a model", _TOKENIZER),
    _kind(rb"(?!\s*[{\[])[\t\n\r -~]{28,}\Z", "a text, not a model", AGAIN),
)
"""The first that fits is it."""

ADAPTER = "adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"
_ADAPTER = "a LoRA adapter without its base"
_MERGE = (
    "merge it into the model that it was made for (peft: merge_and_unload, save_pretrained) and "
    "name that folder"
)


def not_a_model(path: Path) -> ConvertError | None:
    """Say what a file is that no reader knows; None for what nobody knows."""
    file = InputFile(path)
    try:
        head = file.read(0, min(HEAD_BYTES, file.size), "the first bytes").tobytes()
    finally:
        file.close()
    if not head:
        return ConvertError(f"{path}: an empty file (0 bytes)", "download or copy it again")
    for kind in KINDS:
        if kind.begins.match(head):
            return ConvertError(f"{path}: {kind.what}", kind.hint)
    return None


def is_adapter(folder: Path) -> bool:
    """Tell whether a folder has the files of an adapter and no model's weights."""
    with_weights = any(folder.glob("model*.safetensors")) or any(folder.glob("pytorch_model*.bin"))
    return not with_weights and any((folder / name).is_file() for name in ADAPTER)


def adapter_without_base(path: Path) -> ConvertError:
    """Return the refusal of an adapter."""
    return ConvertError(f"{path}: {_ADAPTER}", _MERGE)


def no_model_in(folder: Path) -> ConvertError:
    """Return the refusal of a folder that no reader knows, with the models that lie in it."""
    if is_adapter(folder):
        return adapter_without_base(folder)
    files = sorted(p.name for p in folder.iterdir() if p.is_file())
    models = [name for name in files if name.endswith((".gguf", ".desc", ".bin"))]
    models = [name for name in models if not name.endswith("tokenizer.bin")]
    what = f"{folder}: a folder without config.json or params.json"
    if not files:
        return ConvertError(f"{what}, or any other file", "name a model's file or folder")
    if not models:
        hint = "name one from the Hugging Face Hub or from Meta, or a model's file"
        return ConvertError(what, hint)
    more = ", ..." if len(models) > SEVERAL else ""
    return ConvertError(what, f"name a file in it: {', '.join(models[:SEVERAL])}{more}")
