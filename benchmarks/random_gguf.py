"""GGUF models of any shape made of random blocks, at the disk's speed: only their bytes count.

The types of the tensors are those that llama.cpp's own quantiser gives them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFWriter

from convert.shape import ModelShape, TensorShape
from convert.sources.gguf.shape import NAMES

KINDS = ("Q8_0", "Q4_0", "Q4_K_M")
POOL_BYTES = 1 << 22
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Steps:
    """Where a block has its float16 steps, and what its weights are, in steps, if all is random."""

    places: tuple[int, ...]
    spread: float


STEPS = {
    "Q8_0": Steps((0,), 74),
    "Q4_0": Steps((0,), 4.6),
    "Q5_0": Steps((0,), 9.2),
    "Q4_K": Steps((0, 2), 300),
    "Q6_K": Steps((208,), 1400),
}


def write_random_gguf(path: Path, shape: ModelShape, kind: str) -> Path:
    """Write a model whose weights are of the size that a trained one's are; returns ``path``."""
    writer = GGUFWriter(path, "llama")
    add_shape(writer, shape)
    _add_vocabulary(writer, shape)
    tensors = [
        (NAMES[name].format(i), tensor, type_of(name, i, shape, kind))
        for name, tensor in shape.tensors.items()
        for i in range(tensor.layers)
    ]
    for called, tensor, own in tensors:
        dims = (tensor.cols,) if tensor.rows == 1 else (tensor.rows, tensor.cols)
        n_bytes = _size(tensor, own)
        stored: Any = np.dtype(np.float32 if own == "F32" else np.uint8)
        if own != "F32":  # the package wants the shape of the bytes
            dims = (*dims[:-1], n_bytes // dims[0])
        writer.add_tensor_info(called, dims, stored, n_bytes, GGMLQuantizationType[own])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for _, tensor, own in tensors:
        writer.write_tensor_data(_data(tensor, own))
    writer.close()
    return path


def type_of(name: str, layer: int, shape: ModelShape, kind: str) -> str:
    """Choose a tensor's type as llama-quantize does: the outer layers' v and down are finer."""
    tensor = shape.tensors[name]
    if tensor.rows == 1:
        return "F32"
    if kind == "Q8_0":
        return kind
    own = "Q4_K" if kind == "Q4_K_M" else kind
    n = shape.n_layers
    outer = layer < n // 8 or layer >= 7 * n // 8 or (layer - n // 8) % 3 == 2
    finer = name in ("wv", "w2") and outer and kind == "Q4_K_M"
    if finer or name == shape.classifier:
        own = "Q6_K"
    if tensor.cols % 256:  # no super-blocks fit
        own = {"Q4_K": "Q5_0", "Q6_K": "Q8_0"}.get(own, own)
    return own


def add_shape(writer: GGUFWriter, shape: ModelShape) -> None:
    """Add the keys of a shape."""
    writer.add_context_length(shape.context_length)
    writer.add_embedding_length(shape.dim)
    writer.add_block_count(shape.n_layers)
    writer.add_feed_forward_length(shape.hidden_dim)
    writer.add_head_count(shape.n_heads)
    writer.add_head_count_kv(shape.n_kv_heads)
    writer.add_layer_norm_rms_eps(shape.norm_eps)
    writer.add_rope_dimension_count(shape.head_dim)


def _add_vocabulary(writer: GGUFWriter, shape: ModelShape) -> None:
    writer.add_tokenizer_model("llama")
    writer.add_token_list(["<unk>", "<s>", "</s>", *(f"w{i}" for i in range(3, shape.vocab_size))])
    writer.add_token_scores([0.0] * shape.vocab_size)
    writer.add_token_types([2, 3, 3, *[1] * (shape.vocab_size - 3)])


def _size(tensor: TensorShape, kind: str) -> int:
    values, size = GGML_QUANT_SIZES[GGMLQuantizationType[kind]]
    return tensor.rows * tensor.cols // values * size


def _data(tensor: TensorShape, kind: str) -> Bytes:
    if kind == "F32":
        return np.ones(tensor.cols, np.float32).view(np.uint8)
    size = GGML_QUANT_SIZES[GGMLQuantizationType[kind]][1]
    blocks = np.random.default_rng(0).integers(0, 256, (POOL_BYTES // size, size), np.uint8)
    step = np.float16(0.7 * tensor.cols**-0.5 / STEPS[kind].spread)
    for at in STEPS[kind].places:
        blocks[:, at : at + 2] = np.frombuffer(step.tobytes(), np.uint8)
    return np.resize(blocks, _size(tensor, kind))
