"""Writes the tensors of any source as a llama2.c v0 checkpoint: the reader's inverse.

No command of the program does that; benchmarks and tests of size make their files with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..files import FileSet
from ..formats.codec import Float32
from ..rope import Rope
from ..rope_tables import tables
from ..shape import ModelShape
from .llama2c_layout import HEADER_FIELDS, HEADER_V0, Entry, layout
from .source import TensorSource

SLICE_VALUES = 1 << 20


def write_v0(source: TensorSource, path: str | os.PathLike[str]) -> None:
    """Write ``source`` as llama2.c's ``legacy_export`` would, in bounded memory.

    Raises ``ValueError`` for a shape that this format can't say.
    """
    shape = source.shape
    said = ModelShape(
        **{name: getattr(shape, name) for name in HEADER_FIELDS},
        head_dim=shape.dim // shape.n_heads,
        tied=shape.tied,
        norm_eps=shape.norm_eps,
        rope=Rope(theta=shape.rope.theta),
    )
    if shape != said:
        raise ValueError(
            "a llama2.c checkpoint has heads of dim / n_heads, interleaved pairs, and no more"
        )
    numbers = {name: getattr(shape, name) for name in HEADER_FIELDS}
    if not shape.tied:
        numbers["vocab_size"] *= -1  # a separate classifier follows
    with FileSet() as files:
        out = files.open(Path(path))
        out.write(HEADER_V0.pack(*numbers.values()))
        for entry in layout(shape, 0):
            for layer in range(entry.shape.layers):
                for values in _slices(source, entry, layer):
                    out.write(values.astype("<f4", copy=False).tobytes())
        files.commit()


def _slices(source: TensorSource, entry: Entry, layer: int) -> Iterator[Float32]:
    shape, name = source.shape, entry.name
    step = max(1, SLICE_VALUES // entry.shape.cols)
    for start in range(0, entry.shape.rows, step):
        stop = min(entry.shape.rows, start + step)
        if name.startswith("rope_"):
            cos, sin = tables(shape.rope, shape.head_dim, start, stop)
            yield cos if name == "rope_cos" else sin
        else:
            yield source.rows(name, layer, start, stop)
