"""Which matrices of a model keep 8 bits where the others have 4: as text, and back.

``w2:0-3,7;wv:1`` are w2 of layers 0 to 3 and 7, and wv of layer 1. Knows no shape and no codec.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

Matrices = frozenset[tuple[str, int]]
"""Matrices by tensor and layer."""

MAX_LAYER = 1 << 12


def format_matrices(matrices: Iterable[tuple[str, int]]) -> str:
    """Write matrices in the one way there is: tensors in order, layers in runs."""
    parts = []
    for tensor, group in groupby(sorted(set(matrices)), key=lambda matrix: matrix[0]):
        runs = ",".join(_runs([layer for _, layer in group]))
        parts.append(f"{tensor}:{runs}")
    return ";".join(parts)


def _runs(layers: list[int]) -> Iterator[str]:
    # Layers that follow each other are equally far from their numbers.
    for _, group in groupby(enumerate(layers), key=lambda pair: pair[1] - pair[0]):
        run = [layer for _, layer in group]
        yield f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}"


def parse_matrices(text: str) -> Matrices:
    """Read what ``format_matrices`` wrote. Raises ``ValueError`` for anything else."""
    found = set()
    for part in text.split(";") if text else ():
        tensor, _, runs = part.partition(":")
        for run in runs.split(","):
            first, _, last = run.partition("-")
            start, stop = int(first), int(last or first)
            if not 0 <= start <= stop <= MAX_LAYER:
                raise ValueError(f"layers {run}")
            found |= {(tensor, layer) for layer in range(start, stop + 1)}
    if format_matrices(found) != text:
        raise ValueError(f"matrices {text!r}")
    return frozenset(found)
