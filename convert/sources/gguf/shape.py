"""What a GGUF file says of its decoder, as a ``ModelShape``; and its names for our tensors.

Knows the keys of each architecture that is read; every other is refused by its name. Source:
llama.cpp's ``llama-arch.cpp`` and ``llama-model.cpp``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...errors import ConvertError
from ...rope import DEFAULT_THETA, Rope, yarn_attention_factor
from ...shape import ModelShape
from ..not_models import adapter_without_base
from .metadata import Metadata
from .parts import Gguf


@dataclass(frozen=True)
class _Architecture:
    """What the files of an architecture don't say of themselves."""

    interleaved: bool
    qk_norm: bool = False
    no_rope_interval: int = 0


ARCHITECTURES = {
    # llama.cpp's converter reorders the queries and keys of these; Mistral's go by Llama's name.
    "llama": _Architecture(interleaved=True),
    "smollm3": _Architecture(interleaved=True, no_rope_interval=4),
    "qwen2": _Architecture(interleaved=False),
    "qwen3": _Architecture(interleaved=False, qk_norm=True),
}

NAMES = {
    **{"embedding": "token_embd.weight", "classifier": "output.weight"},
    **{"rms_final": "output_norm.weight", "rms_att": "blk.{}.attn_norm.weight"},
    **{"wq": "blk.{}.attn_q.weight", "bq": "blk.{}.attn_q.bias"},
    **{"wk": "blk.{}.attn_k.weight", "bk": "blk.{}.attn_k.bias"},
    **{"wv": "blk.{}.attn_v.weight", "bv": "blk.{}.attn_v.bias"},
    **{"wo": "blk.{}.attn_output.weight", "bo": "blk.{}.attn_output.bias"},
    **{"q_norm": "blk.{}.attn_q_norm.weight", "k_norm": "blk.{}.attn_k_norm.weight"},
    "rms_ffn": "blk.{}.ffn_norm.weight",
    **{"w1": "blk.{}.ffn_gate.weight", "b1": "blk.{}.ffn_gate.bias"},
    **{"w2": "blk.{}.ffn_down.weight", "b2": "blk.{}.ffn_down.bias"},
    **{"w3": "blk.{}.ffn_up.weight", "b3": "blk.{}.ffn_up.bias"},
}
"""What GGUF calls each of our tensors; the layer goes between the braces."""

ROPE_FREQS = "rope_freqs.weight"


def architecture_of(gguf: Gguf) -> str:
    """Look up the architecture's name. Raises ``ConvertError`` for one that isn't read."""
    name = gguf.metadata.text("general.architecture")
    if gguf.metadata.get("general.type") == "adapter":
        raise adapter_without_base(gguf.path)
    if name not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        what = f"architecture {name!r:.40}, which isn't known"
        raise ConvertError(f"{gguf.path}: {what}", f"these are: {known}")
    return name


def shape_of(gguf: Gguf) -> ModelShape:
    """Read the shape of the decoder, as the file says it. Raises ``ConvertError``."""
    name = architecture_of(gguf)
    architecture, keys = ARCHITECTURES[name], _Keys(gguf.metadata, name, str(gguf.path))
    if n := keys.integer("expert_count", 0):
        raise keys.refusal(f"a mixture of {n} experts")
    dim, n_heads = keys.integer("embedding_length"), keys.integer("attention.head_count")
    head_dim = keys.integer("attention.key_length", dim // max(1, n_heads))
    embedding = gguf.tensors.get(NAMES["embedding"])
    shape = ModelShape(
        dim=dim,
        hidden_dim=keys.integer("feed_forward_length"),
        n_layers=keys.integer("block_count"),
        n_heads=n_heads,
        n_kv_heads=keys.integer("attention.head_count_kv", n_heads),
        head_dim=head_dim,
        vocab_size=embedding.shape[0] if embedding else 0,
        context_length=keys.integer("context_length"),
        tied=NAMES["classifier"] not in gguf.tensors,
        norm_eps=keys.number("attention.layer_norm_rms_epsilon"),
        qkv_bias=_has(gguf, "bq"),
        o_bias=_has(gguf, "bo"),
        mlp_bias=_has(gguf, "b1"),
        qk_norm=architecture.qk_norm or _has(gguf, "q_norm"),
        window=keys.integer("attention.sliding_window", 0),
        no_rope_interval=architecture.no_rope_interval,
        rope=_rope(gguf, keys, architecture, head_dim),
    )
    for key, default in (("attention.value_length", head_dim), ("rope.dimension_count", head_dim)):
        if (n := keys.integer(key, default)) != head_dim:
            raise keys.refusal(f"{key} is {n} and a head has {head_dim}")
    if problems := shape.problems():
        raise ConvertError(f"{gguf.path}: header says {problems[0]}")
    return shape


class _Keys:
    """The values of one architecture, its name taken off the keys."""

    def __init__(self, metadata: Metadata, name: str, path: str) -> None:
        self._metadata, self._name, self._path = metadata, name, path

    def integer(self, key: str, default: int | None = None) -> int:
        """A number, or an array with one for every layer where all are equal."""
        key = f"{self._name}.{key}"
        value = self._metadata.get(key)
        if isinstance(value, np.ndarray) and value.dtype.kind in "iu" and value.size:
            if (value != value[0]).any():
                raise self.refusal(f"{key} differs from layer to layer")
            return int(value[0])
        return self._metadata.integer(key, default)

    def number(self, key: str, default: float | None = None) -> float:
        return self._metadata.number(f"{self._name}.{key}", default)

    def text(self, key: str, default: str) -> str:
        return self._metadata.text(f"{self._name}.{key}", default)

    def refusal(self, what: str) -> ConvertError:
        return ConvertError(f"{self._path}: {what}, which isn't known", "get another model")


def _has(gguf: Gguf, name: str) -> bool:
    return NAMES[name].format(0) in gguf.tensors


def _rope(gguf: Gguf, keys: _Keys, architecture: _Architecture, head_dim: int) -> Rope:
    kind = keys.text("rope.scaling.type", "linear")
    factor = keys.number("rope.scaling.factor", 0) or keys.number("rope.scale_linear", 0) or 1.0
    rope = Rope(
        theta=keys.number("rope.freq_base", DEFAULT_THETA), interleaved=architecture.interleaved
    )
    freqs = gguf.tensors.get(ROPE_FREQS)
    if kind not in ("none", "linear", "yarn") or (kind == "yarn" and freqs):
        raise keys.refusal(f"RoPE scaling {kind!r:.40}")
    if kind == "none":
        factor = 1.0
    if freqs:
        if freqs.shape != (head_dim // 2,):
            raise keys.refusal(f"{ROPE_FREQS} of shape {freqs.shape} for heads of {head_dim}")
        divisors = freqs.floats(0, 1)[0].astype(np.float64) * factor
        return replace(rope, rule="divisors", divisors=tuple(divisors.tolist()))
    if factor == 1:
        return rope
    if kind == "linear":
        return replace(rope, rule="linear", factor=factor)
    # llama.cpp multiplies what it computes itself by what the file says.
    attention_factor = keys.number("rope.scaling.attn_factor", 1) * yarn_attention_factor(factor)
    return replace(
        rope,
        rule="yarn",
        factor=factor,
        original_context=keys.integer(
            "rope.scaling.original_context_length", keys.integer("context_length")
        ),
        attention_factor=attention_factor,
        beta_fast=keys.number("rope.scaling.yarn_beta_fast", rope.beta_fast),
        beta_slow=keys.number("rope.scaling.yarn_beta_slow", rope.beta_slow),
    )
