"""A model whose heads stand in the other order: what an exporter leaves that doesn't turn them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from convert.sources import open_source
from tests.tiny_model import TinyConfig, Weights, shapes, tiny_config, write_v0


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
        s = source.shape
        c = tiny_config(
            dim=s.dim,
            hidden_dim=s.hidden_dim,
            n_layers=s.n_layers,
            n_heads=s.n_heads,
            n_kv_heads=s.n_kv_heads,
            vocab_size=s.vocab_size,
            seq_len=s.context_length,
            tied=s.tied,
        )
        w = {}
        for name, shape in shapes(c).items():
            tensor = s.tensors[name]
            layers = [source.rows(name, i, 0, tensor.rows) for i in range(tensor.layers)]
            w[name] = np.concatenate(layers).reshape(shape)
    return write_v0(path, c, in_halves(w, c))
