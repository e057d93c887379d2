"""The shape of a Llama, and the order of its tensors in llama2.c's checkpoints, as tables.

One table drives the reader, the check of a file's length and the writer. Reads and writes nothing.

Source: ``legacy_export``, ``version1_export`` and ``version2_export`` of llama2.c's ``export.py``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelConfig:
    """The shape of a Llama decoder, in the field's own names."""

    dim: int
    hidden_dim: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    vocab_size: int
    context_length: int
    tied: bool
    rope_theta: float = 10000.0
    norm_eps: float = 1e-5

    @property
    def head_dim(self) -> int:
        return self.dim // self.n_heads

    @property
    def kv_dim(self) -> int:
        return self.n_kv_heads * self.head_dim

    @property
    def n_parameters(self) -> int:
        """How many weights there are, a shared classifier counted once."""
        return sum(e.n_values for e in layout_v1(self))


@dataclass(frozen=True)
class Entry:
    """One tensor of a layout: its name, its shape, and how many copies (layers) stand in a row."""

    name: str
    rows: int
    cols: int
    layers: int = 1
    quantised: bool = False

    @property
    def n_values(self) -> int:
        return self.rows * self.cols * self.layers


def layout_v0(c: ModelConfig) -> list[Entry]:
    """The tensors of a legacy checkpoint, in the order of ``legacy_export``."""
    return [
        Entry("embedding", c.vocab_size, c.dim),
        Entry("rms_att", 1, c.dim, c.n_layers),
        Entry("wq", c.dim, c.dim, c.n_layers),
        Entry("wk", c.kv_dim, c.dim, c.n_layers),
        Entry("wv", c.kv_dim, c.dim, c.n_layers),
        Entry("wo", c.dim, c.dim, c.n_layers),
        Entry("rms_ffn", 1, c.dim, c.n_layers),
        Entry("w1", c.hidden_dim, c.dim, c.n_layers),
        Entry("w2", c.dim, c.hidden_dim, c.n_layers),
        Entry("w3", c.hidden_dim, c.dim, c.n_layers),
        Entry("rms_final", 1, c.dim),
        Entry("rope_cos", c.context_length, c.head_dim // 2),
        Entry("rope_sin", c.context_length, c.head_dim // 2),
        *([] if c.tied else [Entry("classifier", c.vocab_size, c.dim)]),
    ]


def layout_v1(c: ModelConfig, *, quantised: bool = False) -> list[Entry]:
    """The tensors of a v1 (float32) or v2 (Q8_0) checkpoint: norms first, no RoPE tables."""
    q = quantised
    return [
        Entry("rms_att", 1, c.dim, c.n_layers),
        Entry("rms_ffn", 1, c.dim, c.n_layers),
        Entry("rms_final", 1, c.dim),
        Entry("embedding", c.vocab_size, c.dim, quantised=q),
        Entry("wq", c.dim, c.dim, c.n_layers, q),
        Entry("wk", c.kv_dim, c.dim, c.n_layers, q),
        Entry("wv", c.kv_dim, c.dim, c.n_layers, q),
        Entry("wo", c.dim, c.dim, c.n_layers, q),
        Entry("w1", c.hidden_dim, c.dim, c.n_layers, q),
        Entry("w2", c.dim, c.hidden_dim, c.n_layers, q),
        Entry("w3", c.hidden_dim, c.dim, c.n_layers, q),
        *([] if c.tied else [Entry("classifier", c.vocab_size, c.dim, quantised=q)]),
    ]


def entry_bytes(entry: Entry, group_size: int) -> int:
    """Bytes of an entry in the file; a quantised one has a float32 scale per group of values."""
    if not entry.quantised:
        return 4 * entry.n_values
    return entry.n_values + 4 * (entry.n_values // group_size)
