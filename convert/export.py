"""Tensors to a llama2.c v0 checkpoint: the inverse of the reader, driven by the same layout table.

For made-up checkpoints (the README's first command, tests of size); knows nothing of ncnn.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from .checkpoint import HEADER_V0, Float32, TensorSource
from .files import FileSet
from .layout import layout_v0
from .rope import rope_tables

SLICE_VALUES = 1 << 20


def write_v0(source: TensorSource, path: str | os.PathLike[str]) -> None:
    """Write ``source`` as llama2.c's ``legacy_export`` would, in bounded memory."""
    c = source.config
    vocab = c.vocab_size if c.tied else -c.vocab_size  # negative: a separate classifier follows
    header = (c.dim, c.hidden_dim, c.n_layers, c.n_heads, c.n_kv_heads, vocab, c.context_length)
    with FileSet() as files:
        out = files.open(Path(path))
        out.write(HEADER_V0.pack(*header))
        for entry in layout_v0(c):
            for layer in range(entry.layers):
                for values in _slices(source, entry.name, entry.rows, entry.cols, layer):
                    out.write(values.astype("<f4", copy=False).tobytes())
        files.commit()


def _slices(source: TensorSource, name: str, rows: int, cols: int, layer: int) -> Iterator[Float32]:
    step = max(1, SLICE_VALUES // cols)
    for start in range(0, rows, step):
        stop = min(rows, start + step)
        if name.startswith("rope_"):
            c = source.config
            cos, sin = rope_tables(c.head_dim, c.rope_theta, start, stop)
            yield cos if name == "rope_cos" else sin
        else:
            yield source.rows(name, layer, start, stop)
