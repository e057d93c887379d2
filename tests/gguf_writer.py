"""GGUF files byte by byte, after ggml's ``docs/gguf.md``; tiny models in them.

Independent of ``convert`` on purpose: the reader is held against what this writes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.tiny_model import TinyConfig, Weights

Values = Mapping[str, Any]

NUMBER_TYPES = {
    **{"u1": 0, "i1": 1, "u2": 2, "i2": 3, "u4": 4, "i4": 5},
    **{"f4": 6, "u8": 10, "i8": 11, "f8": 12},
}
F32, F16, Q4_0, Q5_0, Q8_0, BF16 = 0, 1, 2, 6, 8, 30


@dataclass(frozen=True)
class Tensor:
    """A tensor of a file: ``dims`` in the file's order, the contiguous one first."""

    name: str
    dims: tuple[int, ...]
    type: int
    data: bytes


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def value_of(value: Any) -> bytes:
    """A value with its type before it; numpy's say theirs, Python's become u32 and f32."""
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, str | bytes):
        return struct.pack("<I", 8) + text(value)
    if isinstance(value, list):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
    if isinstance(value, np.ndarray):
        code = 7 if value.dtype == bool else NUMBER_TYPES[value.dtype.str[1:]]
        return struct.pack("<IIQ", 9, code, len(value)) + bytes(value.tobytes())
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    return struct.pack("<I", NUMBER_TYPES[value.dtype.str[1:]]) + bytes(value.tobytes())


def gguf_bytes(
    values: Values, tensors: list[Tensor], *, version: int = 3, alignment: int = 32
) -> bytes:
    """A whole file."""
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(values))
    for key, value in values.items():
        head += text(key) + value_of(value)
    data = b""
    for t in tensors:
        data += bytes(-len(data) % alignment)
        head += text(t.name) + struct.pack("<I", len(t.dims))
        head += struct.pack(f"<{len(t.dims)}Q", *t.dims) + struct.pack("<IQ", t.type, len(data))
        data += t.data
    return head + bytes(-len(head) % alignment) + data


def quantise(w: npt.NDArray[np.float32], kind: int) -> bytes:
    """The values in a type of ggml, by the plainest way there is."""
    if kind == F32:
        return w.astype("<f4").tobytes()
    if kind == F16:
        return w.astype("<f2").tobytes()
    if kind == BF16:
        return (w.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    out = b""
    for block in w.reshape(-1, 32):
        # 4 and 5 bits: the largest becomes the lowest number, so that a step may be negative.
        largest = np.abs(block).max() if kind == Q8_0 else block[np.abs(block).argmax()]
        step = np.float16(largest / {Q8_0: 127, Q4_0: -8, Q5_0: -16}[kind])
        q = [0 if step == 0 else round(float(x) / float(step)) for x in block]
        out += step.tobytes()
        if kind == Q8_0:
            out += struct.pack("32b", *(max(-127, min(127, x)) for x in q))
            continue
        half = 8 if kind == Q4_0 else 16
        u = [max(0, min(2 * half - 1, x + half)) for x in q]
        if kind == Q5_0:
            out += sum((x >> 4) << i for i, x in enumerate(u)).to_bytes(4, "little")
        out += bytes((u[i] & 15) | (u[i + 16] & 15) << 4 for i in range(16))
    return out


NAMES = {
    **{"wq": "attn_q.weight", "wk": "attn_k.weight", "wv": "attn_v.weight"},
    **{"bq": "attn_q.bias", "bk": "attn_k.bias", "bv": "attn_v.bias"},
    **{"wo": "attn_output.weight", "bo": "attn_output.bias"},
    **{"q_norm": "attn_q_norm.weight", "k_norm": "attn_k_norm.weight"},
    **{"w1": "ffn_gate.weight", "w2": "ffn_down.weight", "w3": "ffn_up.weight"},
    **{"b1": "ffn_gate.bias", "b2": "ffn_down.bias", "b3": "ffn_up.bias"},
    **{"rms_att": "attn_norm.weight", "rms_ffn": "ffn_norm.weight"},
}


def values_of(c: TinyConfig, architecture: str = "llama") -> dict[str, Any]:
    """The keys that every file of a model has."""
    numbers = {
        "context_length": c.seq_len,
        "embedding_length": c.dim,
        "block_count": c.n_layers,
        "feed_forward_length": c.hidden_dim,
        "attention.head_count": c.n_heads,
        "attention.head_count_kv": c.n_kv_heads,
        "attention.layer_norm_rms_epsilon": 1e-5,
        "attention.key_length": c.head_dim,
        "attention.value_length": c.head_dim,
        "attention.sliding_window": c.window,
    }
    return {
        "general.architecture": architecture,
        **{f"{architecture}.{key}": value for key, value in numbers.items()},
    }


def tensors_of(c: TinyConfig, w: Weights, kind: int = F32) -> list[Tensor]:
    """The tensors of a model, its matrices in a type."""

    def tensor(name: str, values: npt.NDArray[np.float32]) -> Tensor:
        own = kind if values.ndim == 2 else F32
        return Tensor(name, values.shape[::-1], own, quantise(values, own))

    tensors = [tensor("token_embd.weight", w["embedding"])]
    for i in range(c.n_layers):
        tensors += [tensor(f"blk.{i}.{NAMES[name]}", w[name][i]) for name in w if name in NAMES]
    tensors.append(tensor("output_norm.weight", w["rms_final"]))
    return tensors if c.tied else [*tensors, tensor("output.weight", w["classifier"])]


def write_gguf(path: Path, c: TinyConfig, w: Weights, kind: int = F32, **more: Any) -> Path:
    """A whole model; ``more`` are key-values, their dots written as double underscores."""
    values = values_of(c) | {key.replace("__", "."): value for key, value in more.items()}
    path.write_bytes(gguf_bytes(values, tensors_of(c, w, kind)))
    return path


def write_split(
    folder: Path, values: Values, tensors: list[Tensor], n: int, name: str = "m"
) -> list[Path]:
    """A model in ``n`` parts, as ``gguf-split`` cuts it: the key-values in the first alone."""
    paths, size = [], -(-len(tensors) // n)
    for i in range(n):
        own = {
            "split.no": np.uint16(i),
            "split.count": np.uint16(n),
            "split.tensors.count": np.int32(len(tensors)),
        }
        path = folder / f"{name}-{i + 1:05}-of-{n:05}.gguf"
        part = tensors[i * size : (i + 1) * size]
        path.write_bytes(gguf_bytes({**(values if i == 0 else {}), **own}, part))
        paths.append(path)
    return paths
