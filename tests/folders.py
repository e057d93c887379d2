"""Folders as people download them, made of tiny models by the formats' descriptions alone.

Independent of ``convert`` on purpose. safetensors: 8 bytes of length, JSON, data. PyTorch: a zip of
a pickle, here written opcode by opcode, and of one file for each storage.
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.tiny_model import TinyConfig, Weights

Array = npt.NDArray[np.float32]
Tensors = dict[str, Array]

HF_LAYERS = {
    "rms_att": "input_layernorm.weight",
    "rms_ffn": "post_attention_layernorm.weight",
    **{f"w{x}": f"self_attn.{x}_proj.weight" for x in "qkvo"},
    **{f"b{x}": f"self_attn.{x}_proj.bias" for x in "qkvo"},
    **{f"{x}_norm": f"self_attn.{x}_norm.weight" for x in "qk"},
    **{"w1": "mlp.gate_proj.weight", "w2": "mlp.down_proj.weight", "w3": "mlp.up_proj.weight"},
    **{"b1": "mlp.gate_proj.bias", "b2": "mlp.down_proj.bias", "b3": "mlp.up_proj.bias"},
}
META_LAYERS = {
    "rms_att": "attention_norm.weight",
    "rms_ffn": "ffn_norm.weight",
    **{f"w{x}": f"attention.w{x}.weight" for x in "qkvo"},
    **{f"w{x}": f"feed_forward.w{x}.weight" for x in "123"},
}
STORAGES = {"F32": "FloatStorage", "F16": "HalfStorage", "BF16": "BFloat16Storage"}


def as_bytes(values: Array, dtype: str) -> bytes:
    """Little-endian bytes; bfloat16 by truncation, which ``rounded`` has made exact."""
    if dtype == "BF16":
        return (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return values.astype({"F32": "<f4", "F16": "<f2"}[dtype]).tobytes()


def rounded(w: Weights, dtype: str) -> Weights:
    """The same weights, each of them a number that ``dtype`` has."""
    if dtype == "BF16":
        cut = {name: x.view(np.uint32) & np.uint32(0xFFFF0000) for name, x in w.items()}
        return {name: x.view(np.float32) for name, x in cut.items()}
    kind = np.float16 if dtype == "F16" else np.float32
    return {name: x.astype(kind).astype(np.float32) for name, x in w.items()}


def hf_tensors(c: TinyConfig, w: Weights, prefix: str = "model.") -> Tensors:
    """By the names of the Hub. No order of heads is changed: pairs are of two halves there."""
    tensors = {
        f"{prefix}embed_tokens.weight": w["embedding"],
        f"{prefix}norm.weight": w["rms_final"],
    }
    for name, end in HF_LAYERS.items():
        if name in w:
            tensors |= {f"{prefix}layers.{i}.{end}": w[name][i] for i in range(c.n_layers)}
    return tensors if c.tied else {**tensors, "lm_head.weight": w["classifier"]}


def meta_tensors(c: TinyConfig, w: Weights) -> Tensors:
    """By Meta's names."""
    tensors = {"tok_embeddings.weight": w["embedding"], "norm.weight": w["rms_final"]}
    for name, end in META_LAYERS.items():
        tensors |= {f"layers.{i}.{end}": w[name][i] for i in range(c.n_layers)}
    return tensors if c.tied else {**tensors, "output.weight": w["classifier"]}


def safetensors(tensors: Tensors, dtype: str = "F32", **entries: Any) -> bytes:
    """A whole file; ``entries`` go into the header beside the tensors'."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, values in tensors.items():
        raw = as_bytes(values, dtype)
        place = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": place}
        data += raw
    text = json.dumps(header | entries).encode()
    return struct.pack("<Q", len(text)) + text + data


def text_of(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def whole(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def tuple_of(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def tensor_pickle(
    key: str, shape: Iterable[int], storage: str, n: int, stride: Any = None
) -> bytes:
    """``_rebuild_tensor_v2`` of one storage, as ``torch.save`` writes it."""
    shape = list(shape)
    if stride is None:
        stride = [int(np.prod(shape[i + 1 :], dtype=int)) for i in range(len(shape))]
    place = (text_of("storage"), b"ctorch\n" + storage.encode() + b"\n", text_of(key))
    persistent = tuple_of(*place, text_of("cpu"), whole(n)) + b"Q"
    sizes = tuple_of(*map(whole, shape)), tuple_of(*map(whole, stride))
    hooks = b"ccollections\nOrderedDict\n)R"
    arguments = tuple_of(persistent, whole(0), *sizes, b"\x89", hooks)
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R"


def state_pickle(items: dict[str, bytes]) -> bytes:
    """An ordered dict of values that are pickles themselves, protocol 2."""
    pairs = b"".join(text_of(name) + value for name, value in items.items())
    return (
        b"\x80\x02ccollections\nOrderedDict\n)Rq\x00("
        + pairs
        + b"u}"
        + text_of("_metadata")
        + b"Nsb."
    )


def torch_zip(path: Path, pickle: bytes, storages: Iterable[bytes], root: str = "archive") -> Path:
    """The zip around it, uncompressed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as z:
        z.writestr(f"{root}/data.pkl", pickle)
        z.writestr(f"{root}/byteorder", "little")
        for i, raw in enumerate(storages):
            z.writestr(f"{root}/data/{i}", raw)
    return path


def write_pth(path: Path, tensors: Tensors, dtype: str = "F32") -> Path:
    """A saved state."""
    items = {
        name: tensor_pickle(str(i), values.shape, STORAGES[dtype], values.size)
        for i, (name, values) in enumerate(tensors.items())
    }
    raws = [as_bytes(values, dtype) for values in tensors.values()]
    return torch_zip(path, state_pickle(items), raws)


def config_of(c: TinyConfig, kind: str = "llama", **more: Any) -> dict[str, Any]:
    """A config.json of transformers 4."""
    names = {"llama": "Llama", "mistral": "Mistral", "smollm3": "SmolLM3"}
    return {
        "architectures": [f"{names.get(kind, kind.capitalize())}ForCausalLM"],
        "model_type": kind,
        "hidden_size": c.dim,
        "intermediate_size": c.hidden_dim,
        "num_hidden_layers": c.n_layers,
        "num_attention_heads": c.n_heads,
        "num_key_value_heads": c.n_kv_heads,
        "head_dim": c.head_dim,
        "vocab_size": c.vocab_size,
        "max_position_embeddings": c.seq_len,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "hidden_act": "silu",
        **more,
    }


def write_hf(
    folder: Path, config: dict[str, Any], tensors: Tensors, dtype: str = "F32", shards: int = 1
) -> Path:
    """A folder of safetensors, in shards with an index if there are several."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    if shards == 1:
        (folder / "model.safetensors").write_bytes(safetensors(tensors, dtype))
        return folder
    places: dict[str, str] = {}
    for i in range(shards):
        name = f"model-{i + 1:05}-of-{shards:05}.safetensors"
        part = dict(list(tensors.items())[i::shards])
        (folder / name).write_bytes(safetensors(part, dtype))
        places |= dict.fromkeys(part, name)
    index = {"metadata": {"total_size": 1}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def write_meta(
    folder: Path, c: TinyConfig, w: Weights, parts: int, *, by_rows: bool = False
) -> Path:
    """Meta's folder in ``parts``; the embedding ``by_rows`` as since Llama 3, or by columns."""
    folder.mkdir(exist_ok=True)
    params = {"dim": c.dim, "n_layers": c.n_layers, "n_heads": c.n_heads, "vocab_size": -1}
    params |= {"n_kv_heads": c.n_kv_heads, "multiple_of": 4}
    (folder / "params.json").write_text(json.dumps({**params, "norm_eps": 1e-5}))
    for part in range(parts):
        mine: Tensors = {"rope.freqs": np.ones(c.head_dim // 2, np.float32)}
        for name, values in meta_tensors(c, w).items():
            columns = "wo" in name or "w2" in name or ("tok" in name and not by_rows)
            if values.ndim == 1:
                mine[name] = values
            else:
                mine[name] = np.split(values, parts, axis=int(columns))[part]
        write_pth(folder / f"consolidated.{part:02}.pth", mine, "F16")
    return folder
