"""Writes trained weights as llama2.c checkpoints: version 2 (Q8_0), and version 0 in float32.
The layouts are those of llama2.c's `export.py`; the classifier is tied, so it isn't written."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from training.files import write_beside
from training.model import Llama, rope_tables
from training.recipe import Shape

Array = npt.NDArray[np.float32]
MATRICES = (
    "attention.wq",
    "attention.wk",
    "attention.wv",
    "attention.wo",
    "feed_forward.w1",
    "feed_forward.w2",
    "feed_forward.w3",
)
GROUP = 64


def load(weights: Path, shape: Shape) -> Llama:
    """Open the final weights or a checkpoint, ready for inference."""
    model = Llama(shape)
    state = torch.load(weights, weights_only=True)
    model.load_state_dict(state.get("model", state))
    model.eval()
    return model


def stacked(model: Llama, name: str) -> list[Array]:
    """List one weight of every layer, in order."""
    return [
        block.get_parameter(f"{name}.weight").detach().numpy().astype(np.float32)
        for block in model.blocks
    ]


def header(shape: Shape, vocab_size: int) -> bytes:
    """Pack the seven int32 sizes that begin a checkpoint."""
    return struct.pack(
        "<7i",
        shape.dim,
        shape.hidden_dim,
        shape.n_layers,
        shape.n_heads,
        shape.n_kv_heads,
        vocab_size,
        shape.seq_len,
    )


def norms(model: Llama) -> Iterator[Array]:
    """Yield the RMSNorm weights in version 2's order: attention, feed-forward, final."""
    yield from stacked(model, "rms_att")
    yield from stacked(model, "rms_ffn")
    yield model.rms_final.weight.detach().numpy()


def quantized(weight: Array) -> tuple[npt.NDArray[np.int8], Array]:
    """Round to symmetric int8 in groups of 64 along the rows: the values, one step per group."""
    groups = weight.reshape(-1, GROUP)
    steps = np.abs(groups).max(axis=1) / 127.0
    safe = np.where(steps == 0, 1, steps)[:, None]
    return np.rint(groups / safe).astype(np.int8), steps.astype(np.float32)


def export_q8(model: Llama, target: Path) -> None:
    """Write version 2: 256-byte header, float32 norms, then int8 values and steps per tensor."""
    shape = model.shape
    head = struct.pack("<Ii", 0x616B3432, 2) + header(shape, shape.vocab_size)
    head += struct.pack("<Bi", 1, GROUP)
    matrices = [model.embedding.weight.detach().numpy()]
    for name in MATRICES:
        matrices += stacked(model, name)
    with write_beside(target) as path, path.open("wb") as file:
        file.write(head.ljust(256, b"\0"))
        for norm in norms(model):
            file.write(norm.tobytes())
        for matrix in matrices:
            values, steps = quantized(matrix)
            file.write(values.tobytes() + steps.tobytes())


def export_fp32(model: Llama, target: Path) -> None:
    """Write version 0: header, float32 tensors with the norms between, RoPE tables at the end."""
    parts = [model.embedding.weight.detach().numpy()]
    parts += stacked(model, "rms_att")
    for name in MATRICES[:4]:
        parts += stacked(model, name)
    parts += stacked(model, "rms_ffn")
    for name in MATRICES[4:]:
        parts += stacked(model, name)
    parts.append(model.rms_final.weight.detach().numpy())
    parts += [table.numpy() for table in rope_tables(model.shape)]
    with write_beside(target) as path, path.open("wb") as file:
        file.write(header(model.shape, model.shape.vocab_size))
        for part in parts:
            file.write(part.astype("<f4").tobytes())
