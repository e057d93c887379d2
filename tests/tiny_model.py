"""Tiny Llama models and their checkpoints, written straight from llama2.c's ``export.py``.

Independent of ``convert`` on purpose: what it writes and computes is what the converter is held
against. ``forward`` is the decoder in float64, after llama2.c's ``model.py``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Weights = dict[str, npt.NDArray[np.float32]]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TinyConfig:
    """The numbers of a llama2.c header, and whether the classifier is the embedding.

    A header has heads of ``dim / n_heads``; ``forward`` takes any.
    """

    dim: int
    hidden_dim: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    vocab_size: int
    seq_len: int
    tied: bool
    head_dim: int

    @property
    def q_dim(self) -> int:
        return self.n_heads * self.head_dim

    @property
    def kv_dim(self) -> int:
        return self.n_kv_heads * self.head_dim


def tiny_config(
    *,
    dim: int = 64,
    hidden_dim: int = 160,
    n_layers: int = 2,
    n_heads: int = 4,
    n_kv_heads: int = 2,
    vocab_size: int = 96,
    seq_len: int = 32,
    tied: bool = True,
    head_dim: int | None = None,
) -> TinyConfig:
    """A model of some 100,000 weights with grouped queries; every number can be changed."""
    return TinyConfig(
        *(dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len),
        tied=tied,
        head_dim=head_dim or dim // n_heads,
    )


def shapes(c: TinyConfig) -> dict[str, tuple[int, ...]]:
    """Tensor shapes in the order of ``legacy_export``, layers stacked, RoPE tables left out."""
    stacked = {
        "rms_att": (c.dim,),
        "wq": (c.q_dim, c.dim),
        "wk": (c.kv_dim, c.dim),
        "wv": (c.kv_dim, c.dim),
        "wo": (c.dim, c.q_dim),
        "rms_ffn": (c.dim,),
        "w1": (c.hidden_dim, c.dim),
        "w2": (c.dim, c.hidden_dim),
        "w3": (c.hidden_dim, c.dim),
    }
    return {
        "embedding": (c.vocab_size, c.dim),
        **{name: (c.n_layers, *shape) for name, shape in stacked.items()},
        "rms_final": (c.dim,),
        **({} if c.tied else {"classifier": (c.vocab_size, c.dim)}),
    }


def random_weights(c: TinyConfig, seed: int) -> Weights:
    """Normal weights at a scale that keeps activations near one; gains around one."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in shapes(c).items():
        values = rng.standard_normal(shape)
        values = 1 + 0.1 * values if name.startswith("rms_") else values * shape[-1] ** -0.5
        weights[name] = values.astype(np.float32)
    return weights


def tables(c: TinyConfig, theta: float) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """RoPE cosines and sines ``(seq_len, head_dim / 2)``, angle by angle."""
    cos, sin = (np.empty((c.seq_len, c.head_dim // 2), np.float32) for _ in range(2))
    for position in range(c.seq_len):
        for pair in range(c.head_dim // 2):
            angle = position / theta ** (2 * pair / c.head_dim)
            cos[position, pair], sin[position, pair] = np.cos(angle), np.sin(angle)
    return cos, sin


def header_v0(c: TinyConfig) -> bytes:
    vocab = c.vocab_size if c.tied else -c.vocab_size
    return struct.pack(
        "<7i", c.dim, c.hidden_dim, c.n_layers, c.n_heads, c.n_kv_heads, vocab, c.seq_len
    )


def header_v1(c: TinyConfig, version: int = 1, tail: bytes = b"") -> bytes:
    numbers = (c.dim, c.hidden_dim, c.n_layers, c.n_heads, c.n_kv_heads, c.vocab_size, c.seq_len)
    head = struct.pack("<I", 0x616B3432) + struct.pack("<i", version) + struct.pack("<7i", *numbers)
    head += struct.pack("B", c.tied) + tail
    return head + b"\0" * (256 - len(head))


def write_v0(
    path: Path, c: TinyConfig, w: Weights, *, theta: float = 10000.0, zero_tables: bool = False
) -> Path:
    """``legacy_export``; with ``zero_tables`` the RoPE tables are left unfilled."""
    cos, sin = tables(c, theta)
    if zero_tables:
        cos, sin = np.zeros_like(cos), np.zeros_like(sin)
    order = ("embedding", "rms_att", "wq", "wk", "wv", "wo", "rms_ffn", "w1", "w2", "w3")
    parts = [w[name] for name in (*order, "rms_final")] + [cos, sin]
    parts += [] if c.tied else [w["classifier"]]
    path.write_bytes(header_v0(c) + b"".join(p.astype("<f4").tobytes() for p in parts))
    return path


def write_v1(path: Path, c: TinyConfig, w: Weights) -> Path:
    """``version1_export``."""
    norms = ("rms_att", "rms_ffn", "rms_final")
    matrices = ("embedding", "wq", "wk", "wv", "wo", "w1", "w2", "w3")
    order = (*norms, *matrices, *(() if c.tied else ("classifier",)))
    path.write_bytes(header_v1(c) + b"".join(w[name].astype("<f4").tobytes() for name in order))
    return path


def quantise_q80(
    w: npt.NDArray[np.float32], group_size: int
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """``export.py``'s function of that name: int8 values and a float32 step per group."""
    groups = w.astype(np.float32).reshape(-1, group_size)
    steps = np.abs(groups).max(axis=1) / np.float32(127)
    return np.round(groups / steps[:, None]).astype(np.int8), steps.astype(np.float32)


def write_v2(path: Path, c: TinyConfig, w: Weights, group_size: int) -> Path:
    """``version2_export``."""
    out = header_v1(c, 2, struct.pack("<i", group_size))
    for name in ("rms_att", "rms_ffn", "rms_final"):
        out += w[name].astype("<f4").tobytes()
    matrices = [w["embedding"]]
    for name in ("wq", "wk", "wv", "wo", "w1", "w2", "w3"):
        matrices += list(w[name])
    matrices += [] if c.tied else [w["classifier"]]
    for matrix in matrices:
        q, steps = quantise_q80(matrix, group_size)
        out += q.tobytes() + steps.astype("<f4").tobytes()
    path.write_bytes(out)
    return path


def forward(
    c: TinyConfig,
    w: Weights,
    ids: list[int],
    theta: float = 10000.0,
    *,
    interleaved: bool = True,
    attention_factor: float = 1.0,
) -> Float64:
    """Logits ``(len(ids), vocab_size)`` of a whole sequence, in float64.

    Pairs that turn are neighbours where ``interleaved``, else of the two halves of a head, as in
    transformers' ``rotate_half``; ``attention_factor`` is what YaRN makes queries and keys longer
    by.
    """

    def turned(x: Float64) -> Float64:
        return attention_factor * _rotate(x, theta, interleaved)

    f = {name: values.astype(np.float64) for name, values in w.items()}
    x = f["embedding"][ids]
    n, groups = len(ids), c.n_heads // c.n_kv_heads
    mask = np.triu(np.full((n, n), -np.inf), 1)
    for i in range(c.n_layers):
        h = _norm(x, f["rms_att"][i])
        q = turned((h @ f["wq"][i].T).reshape(n, c.n_heads, c.head_dim))
        k = turned((h @ f["wk"][i].T).reshape(n, c.n_kv_heads, c.head_dim))
        v = (h @ f["wv"][i].T).reshape(n, c.n_kv_heads, c.head_dim)
        heads = []
        for head in range(c.n_heads):
            scores = q[:, head] @ k[:, head // groups].T / np.sqrt(c.head_dim) + mask
            p = np.exp(scores - scores.max(axis=1, keepdims=True))
            heads.append(p / p.sum(axis=1, keepdims=True) @ v[:, head // groups])
        x = x + np.concatenate(heads, axis=1) @ f["wo"][i].T
        h = _norm(x, f["rms_ffn"][i])
        gate = h @ f["w1"][i].T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ f["w3"][i].T)) @ f["w2"][i].T
    classifier = f["embedding"] if c.tied else f["classifier"]
    logits: Float64 = _norm(x, f["rms_final"]) @ classifier.T
    return logits


def _norm(x: Float64, gain: Float64) -> Float64:
    normal: Float64 = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-5)
    return normal * gain


def _rotate(x: Float64, theta: float, interleaved: bool) -> Float64:
    n, _, d = x.shape  # (n, heads, head_dim)
    angles = np.arange(n)[:, None] * theta ** (-np.arange(0, d, 2) / d)
    if not interleaved:  # what ``rotate_half`` does, by its own formula
        cos, sin = (np.tile(t, 2)[:, None, :] for t in (np.cos(angles), np.sin(angles)))
        half = np.concatenate([-x[..., d // 2 :], x[..., : d // 2]], axis=-1)
        rotated: Float64 = x * cos + half * sin
        return rotated
    # neighbours are the real and the imaginary part
    z = (x[..., 0::2] + 1j * x[..., 1::2]) * np.exp(1j * angles)[:, None, :]
    return np.stack([z.real, z.imag], axis=-1).reshape(x.shape)
