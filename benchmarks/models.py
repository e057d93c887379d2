"""A converted model of random weights in a folder, for benchmarks that run the program itself."""

from __future__ import annotations

from pathlib import Path

from convert.pipeline import choose_format, convert_tensors
from convert.synthetic import SHAPES, SyntheticCheckpoint


def random_model(folder: Path, shape: str, weights: str = "int8") -> Path:
    """Write it; returns its stem."""
    source = SyntheticCheckpoint(SHAPES[shape])
    stem = folder / shape
    convert_tensors(source, stem, choose_format(source, weights, None))
    (folder / "tokenizer.bin").touch()  # the program wants one beside a model; bench never reads it
    return stem
