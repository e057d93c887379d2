"""What errors of every column of a model's matrices count for: the mean squares of what they meet.

Runs a short text through the model in 8 bits, made of it for the time of this, in a folder that is
gone afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convert import desc
from convert.decoder import build, codec_of_model
from convert.desc import ModelDesc
from convert.graph import Layer, Matrix
from convert.pipeline import Importance
from convert.progress import Report
from convert.stated import NOTHING_STATED, Stated
from convert.stream import Progress

from ..model.batches import PREFILL_BATCH
from ..model.ncnn_engine import NcnnEngine
from .errors import as_convert_errors
from .trial import converted, refuse_without_tokenizer, texts_for, trial_folder

WEIGHTS = "int8"
"""Its rounding moves no mean square by much, and it takes a quarter of the memory of floats."""

MOST_TEXTS = 64

Named = tuple[str, tuple[tuple[str, int], ...]]
"""A blob, and the matrices that it is multiplied by."""


def calibrate(
    model: Path,
    text: Path,
    tokenizer: Path | None,
    beside: Path,
    told: Report = lambda *_: None,
    stated: Stated = NOTHING_STATED,
) -> Importance:
    """Measure the mean squares that the columns of every matrix meet over a text.

    The model for the time being goes into a folder in ``beside``, and is as ``stated``. Raises
    ``ConvertError`` for a text that can't be read or is too short, and a model without a tokenizer
    or too large to run.
    """
    refuse_without_tokenizer(model, tokenizer)

    def converting(p: Progress) -> None:
        told(p.bytes, p.n_bytes, f"{p.tensors}/{p.n_tensors} tensors, to calibrate by")

    how: dict[str, Any] = {"tokenizer": tokenizer, "stated": stated, "progress": converting}
    with (
        as_convert_errors(),
        trial_folder(beside) as folder,
        converted(model, WEIGHTS, folder, **how) as engine,
    ):
        texts = texts_for(engine, text, MOST_TEXTS, PREFILL_BATCH)
        return mean_squares(engine, _counted(texts, engine.desc.bin_size, told))


def _counted(texts: list[list[int]], n_bytes: int, told: Report) -> Iterator[list[int]]:
    """The texts one by one; each has all weights read once."""
    for done, ids in enumerate(texts, 1):
        yield ids
        told(done * n_bytes, len(texts) * n_bytes, f"{done}/{len(texts)} texts")


def mean_squares(engine: NcnnEngine, texts: Iterable[list[int]]) -> Importance:
    """Compute the mean squares of what every matrix's columns are multiplied by over texts."""
    trunk, head = _products(engine.desc)
    sums: dict[str, npt.NDArray[np.float64]] = {}
    n = 0

    def seen(blob: str, values: npt.NDArray[np.float32]) -> None:
        squares = np.einsum("ij,ij->j", values, values, dtype=np.float64)
        sums[blob] = sums.get(blob, 0) + squares

    for ids in texts:
        engine.watch(ids, [blob for blob, _ in trunk], [blob for blob, _ in head], seen)
        n += len(ids)
    return {
        matrix: (sums[blob] / n).astype(np.float32)
        for blob, matrices in (*trunk, *head)
        for matrix in matrices
    }


def _products(d: ModelDesc) -> tuple[list[Named], list[Named]]:
    """What goes into the products of a plain graph: in the trunk, and in the head."""
    layers = build(d.shape, codec_of_model(d)).layers
    start = next(i for i, layer in enumerate(layers) if layer.name == desc.HEAD_IN)
    return _named(layers[:start]), _named(layers[start:])


def _named(layers: Iterable[Layer]) -> list[Named]:
    return [
        (layer.inputs[0], tuple((tensor, weights.layer) for tensor in weights.tensors))
        for layer in layers
        if isinstance(weights := layer.weights, Matrix)
    ]
