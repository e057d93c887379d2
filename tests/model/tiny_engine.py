"""Tiny models on disk for the engine to load, and how far apart two results are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from convert.pipeline import convert
from tests.tiny_model import TinyConfig, random_weights, write_v0


def make(tmp_path: Path, config: TinyConfig, weights: str = "fp32", theta: float = 1e4) -> Path:
    source = write_v0(tmp_path / "m.bin", config, random_weights(config, 1), theta=theta)
    convert(source, tmp_path / "m.ncnn", weights=weights)
    return tmp_path / "m.ncnn"


def ids_of(config: TinyConfig, n: int | None = None) -> list[int]:
    return list(
        map(int, np.random.default_rng(2).integers(0, config.vocab_size, n or config.seq_len))
    )


def relative(got: np.ndarray, want: np.ndarray) -> float:
    return float(np.abs(got - want).max() / np.abs(want).max())


def mean_kl(want: np.ndarray, got: np.ndarray) -> float:
    """Mean over positions of KL(want || got), in nats; both are logits."""
    p, q = (log_softmax(x.astype(np.float64)) for x in (want, got))
    return float((np.exp(p) * (p - q)).sum(axis=1).mean())


def log_softmax(x: np.ndarray) -> np.ndarray:
    x = x - x.max(axis=1, keepdims=True)
    result: np.ndarray = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    return result
