"""The shape of a decoder: the one description of it, from every source to the engine.

Says which tensors there are and how large; knows no files, no formats and no graph.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .rope import Rope

# Far above any Llama, and low enough that a hostile header can't make us plan for years.
LIMITS = {
    "dim": 1 << 17,
    "hidden_dim": 1 << 20,
    "n_layers": 1 << 12,
    "n_heads": 1 << 12,
    "n_kv_heads": 1 << 12,
    "head_dim": 1 << 17,
    "vocab_size": 1 << 24,
    "context_length": 1 << 24,
}


@dataclass(frozen=True)
class TensorShape:
    """A matrix ``(rows, cols)``, or a vector of one row; a number of ``layers`` has one each."""

    rows: int
    cols: int
    layers: int = 1

    @property
    def n_values(self) -> int:
        """How many weights all layers have of it."""
        return self.rows * self.cols * self.layers


@dataclass(frozen=True)
class ModelShape:
    """The shape of a Llama decoder, in the field's own names.

    ``head_dim`` is free of ``dim / n_heads``; ``tied`` says that the classifier is the embedding.
    ``qkv_bias``, ``o_bias`` and ``mlp_bias`` say which matrices have biases, ``qk_norm`` that the
    heads of queries and keys are normed before they turn. A token sees itself and the
    ``window - 1`` before it, all of them where that is 0. Every ``no_rope_interval``-th layer
    doesn't turn, where that isn't 0.
    """

    dim: int
    hidden_dim: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    head_dim: int
    vocab_size: int
    context_length: int
    tied: bool
    norm_eps: float = 1e-5
    qkv_bias: bool = False
    o_bias: bool = False
    mlp_bias: bool = False
    qk_norm: bool = False
    window: int = 0
    no_rope_interval: int = 0
    rope: Rope = field(default_factory=Rope)

    @property
    def q_dim(self) -> int:
        """Numbers in the queries of one token, and in what attention makes of it."""
        return self.n_heads * self.head_dim

    @property
    def kv_dim(self) -> int:
        """Numbers in the keys of one token, and in its values."""
        return self.n_kv_heads * self.head_dim

    @property
    def classifier(self) -> str:
        """Name the tensor that makes the logits: the embedding, where it is tied."""
        return "embedding" if self.tied else "classifier"

    def turns(self, layer: int) -> bool:
        """Tell whether positions turn queries and keys of a layer, counted from 0."""
        return not self.no_rope_interval or (layer + 1) % self.no_rope_interval != 0

    @property
    def tensors(self) -> dict[str, TensorShape]:
        """Every tensor by the name that sources and graphs call it by, llama2.c's."""
        dim, hidden, layers = self.dim, self.hidden_dim, self.n_layers
        embedding = TensorShape(self.vocab_size, dim)
        return {
            "embedding": embedding,
            "rms_att": TensorShape(1, dim, layers),
            "wq": TensorShape(self.q_dim, dim, layers),
            "wk": TensorShape(self.kv_dim, dim, layers),
            "wv": TensorShape(self.kv_dim, dim, layers),
            "wo": TensorShape(dim, self.q_dim, layers),
            "rms_ffn": TensorShape(1, dim, layers),
            "w1": TensorShape(hidden, dim, layers),
            "w2": TensorShape(dim, hidden, layers),
            "w3": TensorShape(hidden, dim, layers),
            "rms_final": TensorShape(1, dim),
            **({} if self.tied else {"classifier": embedding}),
            **self._optional_vectors(),
        }

    def _optional_vectors(self) -> dict[str, TensorShape]:
        sizes: dict[str, int] = {}
        if self.qkv_bias:
            sizes |= {"bq": self.q_dim, "bk": self.kv_dim, "bv": self.kv_dim}
        if self.o_bias:
            sizes |= {"bo": self.dim}
        if self.mlp_bias:
            sizes |= {"b1": self.hidden_dim, "b2": self.dim, "b3": self.hidden_dim}
        if self.qk_norm:
            sizes |= {"q_norm": self.head_dim, "k_norm": self.head_dim}
        return {name: TensorShape(1, size, self.n_layers) for name, size in sizes.items()}

    @property
    def n_parameters(self) -> int:
        """How many weights there are, a shared classifier counted once."""
        return sum(tensor.n_values for tensor in self.tensors.values())

    def cache_bytes(self, n_tokens: int, itemsize: int) -> int:
        """Count the bytes of a KV cache of that many tokens, of numbers of ``itemsize`` bytes."""
        return 2 * itemsize * self.n_layers * self.kv_dim * n_tokens

    def problems(self) -> list[str]:
        """Say what no decoder can have, a sentence each; nothing for a sound shape."""
        out_of_range = [
            f"{name} is {value}, outside 1..{limit}"
            for name, limit in LIMITS.items()
            if not 0 < (value := getattr(self, name)) <= limit
        ]
        if out_of_range:  # the other rules divide by these
            return out_of_range
        rules = (
            (
                self.n_heads % self.n_kv_heads == 0,
                f"n_heads {self.n_heads} isn't a multiple of n_kv_heads {self.n_kv_heads}",
            ),
            (self.head_dim % 2 == 0, f"head_dim {self.head_dim} is odd (RoPE wants pairs)"),
            (0 < self.norm_eps < 1, f"norm_eps is {self.norm_eps}"),
            (0 <= self.window < 1 << 62, f"window is {self.window}"),
            (0 <= self.no_rope_interval < 1 << 62, f"no_rope_interval is {self.no_rope_interval}"),
        )
        return [what for ok, what in rules if not ok] + self.rope.problems(self.head_dim)
