"""A model whose heads stand in the other order: what an exporter leaves that doesn't turn them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from convert.sources import open_source
from tests.tiny_model import TinyConfig, Weights, write_v0
from tests.weights_source import read_weights


def in_halves(w: Weights, c: TinyConfig) -> Weights:
    """Move the first number of every pair of neighbours to the head's first half."""

    def moved(matrices: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        heads = matrices.reshape(c.n_layers, -1, c.head_dim, c.dim)
        both = np.concatenate([heads[:, :, 0::2], heads[:, :, 1::2]], axis=2)
        return both.reshape(matrices.shape)

    return {**w, "wq": moved(w["wq"]), "wk": moved(w["wk"])}


def write_in_halves(path: Path, original: Path) -> Path:
    """Write a llama2.c checkpoint anew, as v0 and with its heads in the other order."""
    with open_source(original) as source:
        c, w = read_weights(source)
    return write_v0(path, c, in_halves(w, c))
