"""Which matrices of a model keep 8 bits where the others have 4, by what that is worth to a text.

Makes the model in 4 and in 8 bits, runs it with one group of matrices after another in 8, and
gives 8 bits to those that bring it nearest for their bytes, as far as a budget goes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convert.choosing import stands_in_4
from convert.decoder import matrices_of
from convert.errors import ConvertError
from convert.format_names import MIXED_FORMATS
from convert.formats import codec_of
from convert.formats.mixture import Matrices
from convert.pipeline import Importance, bin_bytes, matrix_bits
from convert.progress import Report
from convert.room import refuse_if_full
from convert.shape import ModelShape
from convert.sources import open_source
from convert.stated import NOTHING_STATED, Stated
from convert.stream import Progress

from ..model.kernels.choose import NoKernelsError, kernels
from ..model.ncnn_engine import NcnnEngine
from ..model.ncnn_memory import ncnn
from .errors import as_convert_errors
from .fidelity import compare, log_probabilities, logits_of
from .trial import converted, refuse_without_tokenizer, texts_for, trial_folder

FEW, MANY = MIXED_FORMATS[0], "q8"

N_TEXTS, SIZE = 4, 160
"""The texts that it is measured on, and their tokens: a large vocabulary's logits are kept."""

PARTS = 3
"""A tensor's first, middle and last layers are measured as one each: alike, and few."""

Matrix = tuple[str, int]
Group = tuple[Matrix, ...]


@dataclass(frozen=True)
class Mixture:
    """The matrices that keep 8 bits, the bits of a weight over all, and what that is worth.

    ``kl`` is the mean KL divergence from all in 8 bits, nats a token; ``kl_few`` that of as many in
    4 as make sense.
    """

    eight_bits: Matrices
    bits: float
    kl: float
    kl_few: float


def measured_mixture(
    model: Path,
    bits: float,
    text: Path,
    tokenizer: Path | None,
    beside: Path,
    importance: Importance | None = None,
    stated: Stated = NOTHING_STATED,
    told: Report = lambda *_: None,
) -> Mixture:
    """Choose which matrices keep 8 bits so that all have ``bits`` on average at most.

    The two models go into a folder in ``beside``, and are as ``stated``. Raises
    ``ConvertError`` for bits that can't be, a text or a model that it can't be measured by, and
    where there are no kernels.
    """
    with as_convert_errors():
        _refuse_without_kernels()
        refuse_without_tokenizer(model, tokenizer)
    with open_source(model) as source:
        shape = source.shape
        choice = {m for m in matrices_of(shape) if not stands_in_4(source, *m)}
    base = frozenset(matrix for matrix in choice if _saves_bytes(shape, matrix))
    budget = budget_of(shape, base, bits)

    def converting(p: Progress) -> None:
        told(p.bytes, p.n_bytes, f"{p.tensors}/{p.n_tensors} tensors, to measure by")

    how: dict[str, Any] = {"tokenizer": tokenizer, "stated": stated, "progress": converting}
    few_how: dict[str, Any] = {**how, "eight_bits": frozenset(), "importance": importance}
    with as_convert_errors(), trial_folder(beside) as folder:
        size = bin_bytes(shape, codec_of(FEW)) + bin_bytes(shape, codec_of(MANY))
        refuse_if_full(folder, size, f"{model}: measuring it in 4 and in 8 bits", "make room")
        with (
            converted(model, MANY, folder, **how) as many,
            converted(model, FEW, folder, **few_how) as few,
        ):
            distance = _distances(many, few, texts_for(many, text, N_TEXTS, SIZE))
            kl_few, read = distance(base), many.desc.bin_size
            groups = groups_of(choice - base, shape.n_layers)
            gains: dict[Group, float] = {}
            for done, group in enumerate(groups, 1):
                gains[group] = kl_few - distance(base.union(group))
                told(done * read, len(groups) * read, f"{done}/{len(groups)} groups in 8 bits")
            chosen = base | choose(shape, gains, budget)
            mixed = matrix_bits(shape, codec_of(FEW, eight_bits=chosen))
            return Mixture(chosen, mixed, distance(chosen), kl_few)


def budget_of(shape: ModelShape, base: Matrices, bits: float) -> int:
    """Count the bytes that matrices may take beyond those of ``base`` in 8 bits and the rest in 4.

    Raises ``ConvertError`` where these have more than ``bits`` a weight, or all in 8 have less.
    """
    codecs = codec_of(FEW, eight_bits=base), codec_of(MANY)
    least, most = (matrix_bits(shape, codec) for codec in codecs)
    if not least <= bits <= most:
        low, high = math.ceil(least * 100) / 100, math.floor(most * 100) / 100
        raise ConvertError(
            f"--target-bits {bits:g}: {FEW} keeps these matrices in {low:g} to {high:g} bits",
            f"choose some between (4 bits, a step and an offset are 5; {MANY} is all in 8)",
        )
    n_values = sum(shape.tensors[n].rows * shape.tensors[n].cols for n, _ in matrices_of(shape))
    return int((bits - least) * n_values / 8)


def groups_of(matrices: Iterable[Matrix], n_layers: int) -> list[Group]:
    """Part matrices into those that are measured as one: a tensor's, of a third of the layers."""
    groups: dict[tuple[str, int], list[Matrix]] = {}
    for tensor, layer in sorted(matrices):
        groups.setdefault((tensor, PARTS * layer // n_layers), []).append((tensor, layer))
    return [tuple(group) for group in groups.values()]


def choose(shape: ModelShape, gains: Mapping[Group, float], budget: int) -> Matrices:
    """Take what brings most for its bytes, as long as it brings something and there is room.

    Of a group that has no room as a whole, as many as there is room for.
    """

    def worth(group: Group) -> float:
        return gains[group] / sum(_more_bytes(shape, matrix) for matrix in group)

    chosen: set[Matrix] = set()
    for group in sorted((g for g, gain in gains.items() if gain > 0), key=worth, reverse=True):
        for matrix in group:
            if (more := _more_bytes(shape, matrix)) <= budget:
                budget -= more
                chosen.add(matrix)
    return frozenset(chosen)


def _saves_bytes(shape: ModelShape, matrix: Matrix) -> bool:
    """Tell whether 8 bits make the file smaller: a tied classifier is the table of tokens then."""
    alone = codec_of(FEW, eight_bits=frozenset({matrix}))
    return bin_bytes(shape, alone) <= bin_bytes(shape, codec_of(FEW))


def _more_bytes(shape: ModelShape, matrix: Matrix) -> int:
    rows, cols = shape.tensors[matrix[0]].rows, shape.tensors[matrix[0]].cols
    many, few = (codec_of(name).disk_bytes(rows, cols) for name in (MANY, FEW))
    return many - few


def _distances(
    many: NcnnEngine, few: NcnnEngine, texts: Sequence[list[int]]
) -> Callable[[Matrices], float]:
    """Make what measures how far a choice of matrices in 8 bits is from all of them."""
    reference = [log_probabilities(logits_of(many, ids)) for ids in texts]

    def distance(eight_bits: Matrices) -> float:
        few.borrow(many, eight_bits)
        return compare(reference, (logits_of(few, ids) for ids in texts), texts).mean_kl

    return distance


def _refuse_without_kernels() -> None:
    try:
        kernels(ncnn.__file__)
    except NoKernelsError as e:
        raise ConvertError(f"--target-bits takes kernels of our own to measure with: {e}") from e
