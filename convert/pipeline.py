"""Source in, ncnn model out: walks the graph once and streams every tensor to disk.

Memory stays bounded by a slice of rows, whatever the model's size. Yields progress to a callback
and prints nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from . import decoder, desc
from .chat_facts import ChatFacts, write_chat_facts
from .choosing import choose_format
from .desc import GRAPH_VERSION, ModelDesc
from .errors import WriteError
from .files import FileSet, is_file
from .formats.codec import Codec
from .formats.mixture import Matrices, format_matrices
from .graph import Matrix, Vector
from .places import mapped_bytes, places
from .room import refuse_if_full
from .shape import ModelShape
from .sources import open_source
from .sources.source import TensorSource
from .stated import NOTHING_STATED, Stated
from .stem import ALL_SUFFIXES, CHAT_SUFFIX, TOKENIZER_SUFFIX, file_of
from .stream import Importance as Importance
from .stream import OnProgress as OnProgress
from .stream import Progress as Progress
from .stream import Streamer, Writer
from .vocabulary import Companions, companions_of

CONVERTER = "llama2ncnn-convert 1"


def convert(
    source: str | os.PathLike[str],
    stem: str | os.PathLike[str],
    *,
    weights: str | None = None,
    block: int | None = None,
    tokenizer: str | os.PathLike[str] | None = None,
    stated: Stated = NOTHING_STATED,
    importance: Importance | None = None,
    eight_bits: Matrices | None = None,
    progress: OnProgress | None = None,
) -> ModelDesc:
    """Convert what is at ``source`` to ``stem.param``, ``.bin`` and ``.desc``.

    ``tokenizer`` names a tokenizer's file to go along; by default the source's own goes, if there
    is one, and what its files say of chats. ``stated`` goes before the shape that it says. The
    search for 4 bits goes by the ``importance`` of columns, where that was measured; ``eight_bits``
    are the matrices that keep 8 among others of 4, where somebody has chosen them. Raises
    ``ConvertError``; on any failure the old files stay as they were.
    """
    with open_source(source) as tensors:
        stated.apply_to(tensors)
        companions = companions_of(tensors, Path(tokenizer) if tokenizer else None)
        _refuse_to_overwrite(tensors.files, companions.tokenizer, Path(stem))
        codec = choose_format(tensors, weights, block, eight_bits)
        return convert_tensors(
            tensors,
            Path(stem),
            codec,
            companions=companions,
            importance=importance,
            progress=progress,
        )


def convert_tensors(
    source: TensorSource,
    stem: Path,
    codec: Codec,
    *,
    companions: Companions | None = None,
    importance: Importance | None = None,
    progress: OnProgress | None = None,
) -> ModelDesc:
    """Do what ``convert`` does, from an open source and in a format already chosen."""
    graph = decoder.build(source.shape, codec)
    param, plan = graph.to_param().encode(), places(source.shape, codec, graph)
    refuse_if_full(
        stem.parent,
        len(param) + plan.size,
        f"{stem}: the model",
        "make room, or choose smaller weights (--inspect shows the sizes)",
    )
    with FileSet() as files:
        bin_file = Writer(files.open(file_of(stem, ".bin")))
        Streamer(source, codec, bin_file, progress, importance).write(graph, plan)
        files.open(file_of(stem, ".param")).write(param)
        if companions and companions.has_tokenizer:
            companions.write_tokenizer(files.open(file_of(stem, TOKENIZER_SUFFIX)))
        facts = companions.facts if companions else ChatFacts()
        chat_file = file_of(stem, CHAT_SUFFIX)
        if facts != ChatFacts() or is_file(chat_file):  # another model's may stand there
            write_chat_facts(facts, files.open(chat_file))
        d = ModelDesc(
            shape=source.shape,
            graph_version=GRAPH_VERSION,
            weights=codec.name,
            eight_bits=format_matrices(codec.eight_bits),
            block=codec.block,
            embedding_dtype=plan.embedding_dtype,
            embedding_offset=plan.embedding,
            weights_size=plan.loaded,
            param_size=len(param),
            bin_size=bin_file.size,
            param_sha256=hashlib.sha256(param).hexdigest(),
            bin_sha256=bin_file.sha256,
            source=source.fingerprint(),
            converter=CONVERTER,
            template=source.template,
        )
        files.open(file_of(stem, ".desc")).write(desc.format_desc(d).encode())
        files.commit()
    return d


def bin_bytes(shape: ModelShape, codec: Codec) -> int:
    """Count the bytes of the ``.bin`` that this shape gives in this format."""
    return places(shape, codec).size


def memory_bytes(shape: ModelShape, codec: Codec) -> int:
    """Count the bytes of all weights but the embedding in memory, loaded or mapped."""
    layers = decoder.build(shape, codec).layers
    loaded = [layer.weights for layer in layers]
    matrices = sum(codec.held_bytes(w.rows, w.cols) for w in loaded if isinstance(w, Matrix))
    vectors = sum(4 * w.size for w in loaded if isinstance(w, Vector))
    return matrices + vectors + sum(mapped_bytes(w) for layer in layers for w in layer.mapped)


def matrix_bits(shape: ModelShape, codec: Codec) -> float:
    """Count the bits of a weight, over all matrices of products; the embedding's are others."""
    n_bytes = n_values = 0
    for name, layer in decoder.matrices_of(shape):
        tensor = shape.tensors[name]
        n_bytes += codec.of(name, layer).disk_bytes(tensor.rows, tensor.cols)
        n_values += tensor.rows * tensor.cols
    return 8 * n_bytes / n_values


def _refuse_to_overwrite(sources: Sequence[Path], tokenizer: Path | None, stem: Path) -> None:
    for suffix in ALL_SUFFIXES:
        target = file_of(stem, suffix)
        # A tokenizer may be copied onto itself: by way of a temporary file, without loss.
        inputs = [*sources, *([tokenizer] if tokenizer and suffix != TOKENIZER_SUFFIX else [])]
        for path in inputs:
            if is_file(target) and is_file(path) and target.samefile(path):
                raise WriteError(f"{target}: is the input itself", "choose another output name")
