"""A made-up model of any shape: random weights, no file, for benchmarks and tests of size.

Implements ``TensorSource``, so that the pipeline can't tell it from a real one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..formats.codec import Float32
from ..shape import ModelShape
from .source import NOTHING


class SyntheticCheckpoint:
    """Seeded random weights of a shape: every tensor is cut out of one pool of normal values."""

    def __init__(self, shape: ModelShape, seed: int = 0) -> None:
        """Draw the pool; the tensors are made as they are read."""
        self.path = Path("synthetic")
        self.files: tuple[Path, ...] = ()
        self.shape = shape
        self.size = 4 * shape.n_parameters
        self.format, self.block = "random weights", 0
        self.template, self.metadata = "llama2", NOTHING
        self.says_rope_order = True
        self._tensors = shape.tensors
        # A prime length, so that no two tensors' rows line up.
        pool = np.random.default_rng(seed).standard_normal(1_000_003, np.float32)
        self._pool = np.concatenate([pool, pool])

    def __enter__(self) -> SyntheticCheckpoint:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to close."""

    def fingerprint(self) -> str:
        """Say that it is made up."""
        return "synthetic"

    def type_of(self, *_: object) -> str:
        """Say that all are floats."""
        return "F32"

    def bits_of(self, *_: object) -> int:
        """Say that all are floats."""
        return 32

    def tensor_bytes(self, name: str) -> int:
        """Count the bytes of one layer of a tensor in float32."""
        tensor = self._tensors[name]
        return 4 * tensor.rows * tensor.cols

    def rows(self, name: str, layer: int, start: int, stop: int) -> Float32:
        """Make rows of one layer of a tensor, float32 ``(stop - start, cols)``."""
        cols = self._tensors[name].cols
        if name.startswith("rms_") or name.endswith("_norm"):
            return np.ones((1, cols), np.float32)
        n = (stop - start) * cols
        at = (start * cols + 7919 * layer + 104729 * len(name)) % (self._pool.size // 2)
        values = np.resize(self._pool[at : at + n], n)
        # Scaled so that activations neither die nor explode over many layers.
        return values.reshape(-1, cols) * np.float32(0.7 * cols**-0.5)

    def quantised_rows(self, *_: object, **__: object) -> None:
        """Say that nothing is kept in blocks."""
