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

    A header has heads of ``dim / n_heads`` and none of what stands behind; ``forward`` takes any.
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
    qkv_bias: bool = False
    o_bias: bool = False
    mlp_bias: bool = False
    qk_norm: bool = False
    window: int = 0
    no_rope_interval: int = 0

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
    qkv_bias: bool = False,
    o_bias: bool = False,
    mlp_bias: bool = False,
    qk_norm: bool = False,
    window: int = 0,
    no_rope_interval: int = 0,
) -> TinyConfig:
    """A model of some 100,000 weights with grouped queries; every number can be changed."""
    return TinyConfig(
        *(dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len),
        tied=tied,
        head_dim=head_dim or dim // n_heads,
        qkv_bias=qkv_bias,
        o_bias=o_bias,
        mlp_bias=mlp_bias,
        qk_norm=qk_norm,
        window=window,
        no_rope_interval=no_rope_interval,
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
        **{name: (c.n_layers, size) for name, size in _extras(c).items()},
    }


def _extras(c: TinyConfig) -> dict[str, int]:
    sizes: dict[str, int] = {}
    if c.qkv_bias:
        sizes.update(bq=c.q_dim, bk=c.kv_dim, bv=c.kv_dim)
    if c.o_bias:
        sizes.update(bo=c.dim)
    if c.mlp_bias:
        sizes.update(b1=c.hidden_dim, b2=c.dim, b3=c.hidden_dim)
    if c.qk_norm:
        sizes.update(q_norm=c.head_dim, k_norm=c.head_dim)
    return sizes


def random_weights(c: TinyConfig, seed: int) -> Weights:
    """Normal weights at a scale that keeps activations near one; gains around one, biases less."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in shapes(c).items():
        values = rng.standard_normal(shape)
        if "norm" in name or name.startswith("rms_"):
            values = 1 + 0.1 * values
        elif name.startswith("b"):
            values = 0.3 * values
        else:
            values = values * shape[-1] ** -0.5
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


def write_v2(
    path: Path, c: TinyConfig, w: Weights, group_size: int, *, of_2023: bool = False
) -> Path:
    """``version2_export``; until October 2023 it wrote all scales behind all values."""
    out = header_v1(c, 2, struct.pack("<i", group_size))
    for name in ("rms_att", "rms_ffn", "rms_final"):
        out += w[name].astype("<f4").tobytes()
    matrices = [w["embedding"]]
    for name in ("wq", "wk", "wv", "wo", "w1", "w2", "w3"):
        matrices += list(w[name])
    matrices += [] if c.tied else [w["classifier"]]
    last = b""
    for matrix in matrices:
        q, steps = quantise_q80(matrix, group_size)
        out += q.tobytes()
        scales = steps.astype("<f4").tobytes()
        out, last = (out, last + scales) if of_2023 else (out + scales, last)
    path.write_bytes(out + last)
    return path


def forward(
    c: TinyConfig,
    w: Weights,
    ids: list[int],
    theta: float = 10000.0,
    *,
    interleaved: bool = True,
    attention_factor: float = 1.0,
    frequencies: list[float] | None = None,
    norm_eps: float = 1e-5,
    met: dict[tuple[str, int], Float64] | None = None,
) -> Float64:
    """Logits ``(len(ids), vocab_size)`` of a whole sequence, in float64.

    Pairs that turn are neighbours where ``interleaved``, else of the two halves of a head, as in
    transformers' ``rotate_half``; ``attention_factor`` is what YaRN makes queries and keys longer
    by, and ``frequencies`` what a rule makes of theta's. ``met`` takes what every matrix is
    multiplied by, the classifier's under its own name.
    """
    met = {} if met is None else met
    if frequencies is None:
        frequencies = [theta ** (-2 * pair / c.head_dim) for pair in range(c.head_dim // 2)]
    turns = np.arange(len(ids))[:, None] * np.array(frequencies)
    f = {name: values.astype(np.float64) for name, values in w.items()}
    none = np.zeros(c.n_layers)  # a bias that isn't there

    def linear(x: Float64, name: str, layer: int) -> Float64:
        met[f"w{name}", layer] = x
        product: Float64 = x @ f[f"w{name}"][layer].T + f.get(f"b{name}", none)[layer]
        return product

    def heads_of(x: Float64, name: str, layer: int) -> Float64:
        heads = linear(x, name, layer).reshape(len(ids), -1, c.head_dim)
        if name == "v":
            return heads
        if c.qk_norm:
            heads = _norm(heads, f[f"{name}_norm"][layer], norm_eps)
        if c.no_rope_interval and (layer + 1) % c.no_rope_interval == 0:
            return heads
        return attention_factor * _rotate(heads, turns, interleaved)

    x = f["embedding"][ids]
    n, groups = len(ids), c.n_heads // c.n_kv_heads
    back = np.arange(n)[:, None] - np.arange(n)  # how far a key lies behind a query
    mask = np.where((back < 0) | (back >= (c.window or n)), -np.inf, 0.0)
    for i in range(c.n_layers):
        h = _norm(x, f["rms_att"][i], norm_eps)
        q, k, v = (heads_of(h, name, i) for name in "qkv")
        heads = []
        for head in range(c.n_heads):
            scores = q[:, head] @ k[:, head // groups].T / np.sqrt(c.head_dim) + mask
            p = np.exp(scores - scores.max(axis=1, keepdims=True))
            heads.append(p / p.sum(axis=1, keepdims=True) @ v[:, head // groups])
        x = x + linear(np.concatenate(heads, axis=1), "o", i)
        h = _norm(x, f["rms_ffn"][i], norm_eps)
        gate = linear(h, "1", i)
        x = x + linear(gate / (1 + np.exp(-gate)) * linear(h, "3", i), "2", i)
    classifier = f["embedding"] if c.tied else f["classifier"]
    met["classifier", 0] = _norm(x, f["rms_final"], norm_eps)
    logits: Float64 = met["classifier", 0] @ classifier.T
    return logits


def _norm(x: Float64, gain: Float64, eps: float) -> Float64:
    normal: Float64 = x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)
    return normal * gain


def _rotate(x: Float64, angles: Float64, interleaved: bool) -> Float64:
    d = x.shape[-1]  # x is (n, heads, head_dim), angles (n, head_dim / 2)
    if not interleaved:  # what ``rotate_half`` does, by its own formula
        cos, sin = (np.tile(t, 2)[:, None, :] for t in (np.cos(angles), np.sin(angles)))
        half = np.concatenate([-x[..., d // 2 :], x[..., : d // 2]], axis=-1)
        rotated: Float64 = x * cos + half * sin
        return rotated
    # neighbours are the real and the imaginary part
    z = (x[..., 0::2] + 1j * x[..., 1::2]) * np.exp(1j * angles)[:, None, :]
    return np.stack([z.real, z.imag], axis=-1).reshape(x.shape)
