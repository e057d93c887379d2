"""A few models to begin with: small ones, with licences that allow everything, that are well known.

Data alone. What a model takes is computed from its shape, by the codecs, and never typed here.
"""

from __future__ import annotations

from dataclasses import dataclass

from convert.choosing import format_of_floats
from convert.pipeline import memory_bytes
from convert.shape import ModelShape

APACHE = "Apache-2.0"


@dataclass(frozen=True)
class GoodModel:
    """A model of the Hub: its name, what it may be used under, what it is good for, its shape."""

    model: str
    licence: str
    good_for: str
    shape: ModelShape

    @property
    def name(self) -> str:
        """Return the last of its name: what to call it where there is little room."""
        return self.model.rpartition("/")[2]

    @property
    def parameters(self) -> int:
        """Count the weights of its matrices and norms."""
        return self.shape.n_parameters

    def memory(self, weights: str) -> int:
        """Count the bytes of its weights in memory, in the format of that name."""
        return memory_bytes(self.shape, format_of_floats(self.shape, weights))


def _shape(  # in the order of a config.json
    dim: int, hidden_dim: int, layers: int, heads: tuple[int, int], head_dim: int,
    vocab_size: int, context_length: int, *, tied: bool = True, norm_eps: float = 1e-5,
    qkv_bias: bool = False, qk_norm: bool = False, no_rope_interval: int = 0,
) -> ModelShape:  # fmt: skip
    return ModelShape(
        dim=dim,
        hidden_dim=hidden_dim,
        n_layers=layers,
        n_heads=heads[0],
        n_kv_heads=heads[1],
        head_dim=head_dim,
        vocab_size=vocab_size,
        context_length=context_length,
        tied=tied,
        norm_eps=norm_eps,
        qkv_bias=qkv_bias,
        qk_norm=qk_norm,
        no_rope_interval=no_rope_interval,
    )


GOOD_MODELS: tuple[GoodModel, ...] = (
    GoodModel(
        "hf:HuggingFaceTB/SmolLM2-135M-Instruct",
        APACHE,
        "trying things out; fast everywhere, and often wrong",
        _shape(576, 1536, 30, (9, 3), 64, 49152, 8192),
    ),
    GoodModel(
        "hf:HuggingFaceTB/SmolLM2-360M-Instruct",
        APACHE,
        "small talk and rewording in English",
        _shape(960, 2560, 32, (15, 5), 64, 49152, 8192),
    ),
    GoodModel(
        "hf:Qwen/Qwen2.5-0.5B-Instruct",
        APACHE,
        "short questions, in many languages",
        _shape(896, 4864, 24, (14, 2), 64, 151936, 32768, norm_eps=1e-6, qkv_bias=True),
    ),
    GoodModel(
        "hf:Qwen/Qwen3-0.6B",
        APACHE,
        "thinking aloud before it answers; sums",
        _shape(1024, 3072, 28, (16, 8), 128, 151936, 40960, norm_eps=1e-6, qk_norm=True),
    ),
    GoodModel(
        "hf:TinyLlama/TinyLlama-1.1B-Chat-v1.0",
        APACHE,
        "the Llama-2 architecture at a small size",
        _shape(2048, 5632, 22, (32, 4), 64, 32000, 2048, tied=False),
    ),
    GoodModel(
        "hf:Qwen/Qwen2.5-1.5B-Instruct",
        APACHE,
        "everyday questions and summaries on an ordinary laptop",
        _shape(1536, 8960, 28, (12, 2), 128, 151936, 32768, norm_eps=1e-6, qkv_bias=True),
    ),
    GoodModel(
        "hf:HuggingFaceTB/SmolLM2-1.7B-Instruct",
        APACHE,
        "writing and rewording in English",
        _shape(2048, 8192, 24, (32, 32), 64, 49152, 8192),
    ),
    GoodModel(
        "hf:Qwen/Qwen3-1.7B",
        APACHE,
        "thinking aloud; reasoning, code",
        _shape(2048, 6144, 28, (16, 8), 128, 151936, 40960, norm_eps=1e-6, qk_norm=True),
    ),
    GoodModel(
        "hf:HuggingFaceTB/SmolLM3-3B",
        APACHE,
        "long texts, with or without thinking aloud",
        _shape(2048, 11008, 36, (16, 4), 128, 128256, 65536, norm_eps=1e-6, no_rope_interval=4),
    ),
    GoodModel(
        "hf:mistralai/Mistral-7B-Instruct-v0.3",
        APACHE,
        "the best answers of these, where there is memory and patience",
        _shape(4096, 14336, 32, (32, 8), 128, 32768, 32768, tied=False),
    ),
)
"""From the smallest to the largest."""
