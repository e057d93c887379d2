"""Writes a source of any size as a folder of the Hub: config.json, bfloat16 shards, their index.

In slices of rows, so that it needs no more memory than the converter that will read it.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from convert.shape import ModelShape
from convert.sources.huggingface import LAYERS
from convert.sources.source import TensorSource

SLICE_VALUES = 1 << 20
WHOLE = {
    "embedding": "model.embed_tokens.weight",
    "rms_final": "model.norm.weight",
    "classifier": "lm_head.weight",
}
Place = tuple[str, str, int]  # the Hub's name of a tensor, the product's, its layer


def write_hf_folder(source: TensorSource, folder: Path, shard_bytes: int) -> Path:
    """Write ``source`` as a Llama in files of about ``shard_bytes`` each."""
    folder.mkdir()
    shards = _shards(source.shape, shard_bytes)
    places: dict[str, str] = {}
    for i, shard in enumerate(shards, 1):
        name = f"model-{i:05}-of-{len(shards):05}.safetensors"
        _write_shard(source, shard, folder / name)
        places |= {full: name for full, _, _ in shard}
    index = {"metadata": {}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text(json.dumps(_config(source.shape)))
    return folder


def _config(s: ModelShape) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": s.dim,
        "intermediate_size": s.hidden_dim,
        "num_hidden_layers": s.n_layers,
        "num_attention_heads": s.n_heads,
        "num_key_value_heads": s.n_kv_heads,
        "head_dim": s.head_dim,
        "vocab_size": s.vocab_size,
        "max_position_embeddings": s.context_length,
        "rms_norm_eps": s.norm_eps,
        "rope_theta": s.rope.theta,
    }


def _shards(shape: ModelShape, shard_bytes: int) -> list[list[Place]]:
    shards: list[list[Place]] = [[]]
    size = 0
    for name, tensor in shape.tensors.items():
        for layer in range(tensor.layers):
            if size > shard_bytes:
                shards.append([])
                size = 0
            full = WHOLE.get(name) or f"model.layers.{layer}.{LAYERS[name]}"
            shards[-1].append((full, name, layer))
            size += 2 * tensor.rows * tensor.cols
    return shards


def _write_shard(source: TensorSource, shard: list[Place], path: Path) -> None:
    header, at, tensors = {}, 0, source.shape.tensors
    for full, name, _ in shard:
        t = tensors[name]
        end = at + 2 * t.rows * t.cols
        shape = [t.cols] if t.rows == 1 else [t.rows, t.cols]
        header[full] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    with path.open("wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for _, name, layer in shard:
            rows = tensors[name].rows
            step = max(1, SLICE_VALUES // tensors[name].cols)
            for start in range(0, rows, step):
                values = source.rows(name, layer, start, min(rows, start + step))
                f.write((values.astype("<f4").view("<u4") >> 16).astype(np.uint16).tobytes())
