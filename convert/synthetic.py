"""A made-up checkpoint of any shape: random weights, no file, for benchmarks and tests of size.

Speaks the converter's ``TensorSource``, so that the pipeline can't tell it from a real one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .checkpoint import Float32, Int8
from .layout import ModelConfig, layout_v1

SHAPES = {
    "7b": ModelConfig(4096, 11008, 32, 32, 32, 32000, 4096, tied=False),
    "1.1b": ModelConfig(2048, 5632, 22, 32, 4, 32000, 2048, tied=False),
    "110m": ModelConfig(768, 2048, 12, 12, 12, 32000, 1024, tied=True),
    "15m": ModelConfig(288, 768, 6, 6, 6, 32000, 256, tied=True),
}
"""Llama-2-7B, TinyLlama-1.1B, and llama2.c's stories110M and stories15M."""


class SyntheticCheckpoint:
    """Seeded random weights of a shape: every tensor is cut out of one pool of normal values."""

    def __init__(self, config: ModelConfig, seed: int = 0) -> None:
        self.path = Path("synthetic")
        self.version, self.config, self.group_size = 1, config, 0
        self.size = 4 * config.n_parameters
        self._entries = {e.name: e for e in layout_v1(config)}
        # A prime length, so that no two tensors' rows line up.
        pool = np.random.default_rng(seed).standard_normal(1_000_003, np.float32)
        self._pool = np.concatenate([pool, pool])

    def shape(self, name: str) -> tuple[int, int]:
        entry = self._entries[name]
        return entry.rows, entry.cols

    def tensor_bytes(self, name: str) -> int:
        rows, cols = self.shape(name)
        return 4 * rows * cols

    def rows(self, name: str, layer: int, start: int, stop: int) -> Float32:
        rows, cols = self.shape(name)
        if rows == 1:  # a norm's gain
            return np.ones((1, cols), np.float32)
        n = (stop - start) * cols
        at = (start * cols + 7919 * layer + 104729 * len(name)) % (self._pool.size // 2)
        values = np.resize(self._pool[at : at + n], n)
        # Scaled so that activations neither die nor explode over many layers.
        return values.reshape(-1, cols) * np.float32(0.7 * cols**-0.5)

    def fingerprint(self) -> str:
        return "synthetic"

    def quantised_rows(self, *_: object) -> tuple[Int8, Float32]:
        raise TypeError("a synthetic checkpoint is float32")
