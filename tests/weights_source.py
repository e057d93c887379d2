"""A tiny model of ``tests.tiny_model`` as a source: any shape and RoPE, and no file format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from convert.formats import codec_of
from convert.pipeline import convert_tensors
from convert.rope import Rope
from convert.shape import ModelShape
from convert.sources.source import NOTHING, TensorSource
from tests.tiny_model import TinyConfig, Weights, shapes, tiny_config


def shape_of(c: TinyConfig, rope: Rope | None = None) -> ModelShape:
    """The converter's word for a tiny model's numbers."""
    return ModelShape(
        *(c.dim, c.hidden_dim, c.n_layers, c.n_heads, c.n_kv_heads, c.head_dim),
        *(c.vocab_size, c.seq_len),
        tied=c.tied,
        qkv_bias=c.qkv_bias,
        o_bias=c.o_bias,
        mlp_bias=c.mlp_bias,
        qk_norm=c.qk_norm,
        window=c.window,
        no_rope_interval=c.no_rope_interval,
        rope=rope or Rope(),
    )


def read_weights(source: TensorSource) -> tuple[TinyConfig, Weights]:
    """All that is in a source of a plain shape, and that shape in the word of the tiny models."""
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
    return c, w


class WeightsSource:
    """Arrays by llama2.c's names. Implements ``TensorSource``."""

    path, size, format, block = Path("weights"), 0, "arrays", 0
    template, metadata = "llama2", NOTHING
    files: tuple[Path, ...] = ()
    says_rope_order = True

    def __init__(self, shape: ModelShape, w: Weights) -> None:
        self.shape, self._weights = shape, w

    def __enter__(self) -> WeightsSource:
        return self

    def __exit__(self, *_: object) -> None: ...

    def fingerprint(self) -> str:
        return "arrays"

    def type_of(self, *_: object) -> str:
        return "F32"

    def bits_of(self, *_: object) -> int:
        return 32

    def tensor_bytes(self, name: str) -> int:
        return self._weights[name].nbytes

    def rows(self, name: str, layer: int, start: int, stop: int) -> npt.NDArray[np.float32]:
        tensor = self.shape.tensors[name]
        stacked = self._weights[name].reshape(tensor.layers, tensor.rows, tensor.cols)
        return stacked[layer, start:stop]

    def quantised_rows(self, *_: object, **__: object) -> None: ...


def make(
    stem: Path, c: TinyConfig, w: Weights, rope: Rope | None = None, weights: str = "fp32"
) -> Path:
    """Convert a tiny model to ``stem``, blocks of 32 where it has blocks."""
    convert_tensors(WeightsSource(shape_of(c, rope), w), stem, codec_of(weights, 32))
    return stem
