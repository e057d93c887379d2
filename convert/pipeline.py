"""Checkpoint in, ncnn model out: walks the graph once and streams every tensor to disk.

Memory stays bounded by a slice of rows, whatever the model's size. Yields progress to a callback
and prints nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import BinaryIO

from . import desc, llama
from .checkpoint import Checkpoint, TensorSource
from .desc import TOKENIZER_SUFFIX, ModelDesc, file_of
from .errors import ConvertError, WriteError
from .files import FileSet, is_file, open_regular
from .layout import ModelConfig
from .stream import ALIGNMENT, Streamer, Writer, embedding_dtype, embedding_is_shared
from .stream import OnProgress as OnProgress
from .stream import Progress as Progress
from .weights import BLOCKS, FORMAT_NAMES, WeightFormat, matrix_bytes, weight_format

CONVERTER = "llama2ncnn-convert 1"


def choose_format(ck: TensorSource, weights: str | None, block: int | None) -> WeightFormat:
    """The format asked for, or the checkpoint's best: its own ``q8`` blocks for v2, else int8."""
    if weights is None:
        weights = "q8" if ck.version == 2 else "int8"
    if weights not in FORMAT_NAMES:
        raise ConvertError(f"unknown weights {weights!r}", f"one of {', '.join(FORMAT_NAMES)}")
    if block is None:
        block = ck.group_size if ck.group_size in BLOCKS else 64
    if block not in BLOCKS:
        raise ConvertError(f"block {block} isn't one of {', '.join(map(str, BLOCKS))}")
    return weight_format(weights, block)


def convert(
    source: str | os.PathLike[str],
    stem: str | os.PathLike[str],
    *,
    weights: str | None = None,
    block: int | None = None,
    tokenizer: str | os.PathLike[str] | None = None,
    progress: OnProgress | None = None,
) -> ModelDesc:
    """Convert the checkpoint ``source`` to ``stem.param``, ``.bin`` and ``.desc``.

    ``tokenizer`` names a ``tokenizer.bin`` to copy beside; by default the one next to the source,
    if there is one. Raises ``ConvertError``; on any failure the old files stay as they were.
    """
    with Checkpoint(source) as ck:
        tokenizer = Path(tokenizer) if tokenizer else beside_source(ck.path)
        inputs = [ck.path, *([tokenizer] if tokenizer else [])]
        _refuse_to_overwrite(inputs, Path(stem))
        fmt = choose_format(ck, weights, block)
        return convert_tensors(ck, Path(stem), fmt, tokenizer=tokenizer, progress=progress)


def convert_tensors(
    ck: TensorSource,
    stem: Path,
    fmt: WeightFormat,
    *,
    tokenizer: Path | None = None,
    progress: OnProgress | None = None,
) -> ModelDesc:
    """``convert`` from an open source of tensors, in a format already chosen."""
    graph = llama.build(ck.config, fmt)
    param = graph.to_param().encode()
    _refuse_if_full(stem, len(param) + bin_bytes(ck.config, fmt))
    with FileSet() as files:
        bin_file = Writer(files.open(file_of(stem, ".bin")))
        weights_size, offset = Streamer(ck, fmt, bin_file, progress).write(graph)
        files.open(file_of(stem, ".param")).write(param)
        if tokenizer:
            _copy(tokenizer, files.open(file_of(stem, TOKENIZER_SUFFIX)))
        d = _describe(ck, fmt, param, bin_file, weights_size, offset)
        files.open(file_of(stem, ".desc")).write(desc.format_desc(d).encode())
        files.commit()
    return d


def beside_source(source: Path) -> Path | None:
    """The tokenizer that belongs to a checkpoint: ``X.tokenizer.bin``, else ``tokenizer.bin``."""
    stem = source.name.removesuffix(".bin")
    names = (stem + TOKENIZER_SUFFIX, source.name + TOKENIZER_SUFFIX, "tokenizer.bin")
    candidates = (source.with_name(name) for name in names)
    return next((p for p in candidates if is_file(p) and p != source), None)


def bin_bytes(c: ModelConfig, fmt: WeightFormat) -> int:
    """Bytes of the ``.bin`` that this shape gives in this format."""
    shared = embedding_is_shared(c, fmt)
    embedding = 0 if shared else c.vocab_size * c.dim * embedding_dtype(fmt).itemsize
    weights = memory_bytes(c, fmt, held=False)
    return weights + (0 if shared else -weights % ALIGNMENT) + embedding


def memory_bytes(c: ModelConfig, fmt: WeightFormat, *, held: bool = True) -> int:
    """Bytes of all that ncnn reads; with ``held``, as it keeps it (float16 becomes float32)."""
    if held and fmt.name == "fp16":
        fmt = weight_format("fp32")
    per_layer = (
        matrix_bytes(fmt, c.dim + 2 * c.kv_dim, c.dim)
        + matrix_bytes(fmt, c.dim, c.dim)
        + matrix_bytes(fmt, 2 * c.hidden_dim, c.dim)
        + matrix_bytes(fmt, c.dim, c.hidden_dim)
        + 2 * 4 * c.dim
    )
    return c.n_layers * per_layer + 4 * c.dim + matrix_bytes(fmt, c.vocab_size, c.dim)


def _describe(
    ck: TensorSource, fmt: WeightFormat, param: bytes, out: Writer, weights_size: int, offset: int
) -> ModelDesc:
    c = ck.config
    return ModelDesc(
        context_length=c.context_length,
        n_layers=c.n_layers,
        dim=c.dim,
        n_heads=c.n_heads,
        n_kv_heads=c.n_kv_heads,
        hidden_dim=c.hidden_dim,
        vocab_size=c.vocab_size,
        rope_theta=c.rope_theta,
        norm_eps=c.norm_eps,
        tied=c.tied,
        weights=fmt.name,
        block=fmt.block,
        embedding_dtype=embedding_dtype(fmt).name,
        embedding_offset=offset,
        weights_size=weights_size,
        param_size=len(param),
        bin_size=out.size,
        param_sha256=hashlib.sha256(param).hexdigest(),
        bin_sha256=out.sha256,
        source=ck.fingerprint(),
        converter=CONVERTER,
    )


def _refuse_to_overwrite(inputs: list[Path], stem: Path) -> None:
    for suffix in (*desc.SUFFIXES, TOKENIZER_SUFFIX):
        target = file_of(stem, suffix)
        # A tokenizer may be copied onto itself: by way of a temporary file, without loss.
        for path in inputs[:1] if suffix == TOKENIZER_SUFFIX else inputs:
            if is_file(target) and is_file(path) and target.samefile(path):
                raise WriteError(f"{target}: is the input itself", "choose another output name")


def _refuse_if_full(stem: Path, n_bytes: int) -> None:
    try:
        free = shutil.disk_usage(stem.parent).free
    except OSError as e:
        raise WriteError(f"{stem.parent}: {e.strerror}", "name a folder that exists") from e
    except ValueError as e:  # a NUL in the name
        raise WriteError(f"{str(stem)!r}: not a file name: {e}") from e
    if free < n_bytes:
        raise WriteError(
            f"{stem}: the model takes {n_bytes:,} bytes and {stem.parent} has {free:,} free",
            "make room, or choose smaller weights (--inspect shows the sizes)",
        )


def _copy(source: Path, target: BinaryIO) -> None:
    with open_regular(source) as f:
        shutil.copyfileobj(f, target)
