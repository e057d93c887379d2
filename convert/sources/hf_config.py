"""What a Hugging Face ``config.json`` says of a model: its family, its numbers, its RoPE.

Reads no tensors. What a file leaves out is what transformers takes for it; what this program
can't run is refused by its name. Source: transformers' ``configuration_*.py`` and
``modeling_rope_utils.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NoReturn

from ..errors import ConvertError
from ..rope import DEFAULT_THETA, Rope, yarn_attention_factor
from ..shape import LIMITS
from .folder import Fields


@dataclass(frozen=True)
class Family:
    """An architecture, and what its configuration leaves out where it is the usual."""

    name: str
    n_heads: int = 32
    theta: float = DEFAULT_THETA
    window: int = 0


FAMILIES = {
    "llama": Family("LlamaForCausalLM"),
    "mistral": Family("MistralForCausalLM", window=4096),
    "qwen2": Family("Qwen2ForCausalLM"),
    "qwen3": Family("Qwen3ForCausalLM"),
    "smollm3": Family("SmolLM3ForCausalLM", n_heads=16, theta=2e6),
}
"""By their ``model_type``."""

NO_ROPE_INTERVAL = 4  # SmolLM3's, where it isn't said
RULES = ("default", "linear", "dynamic", "llama3", "yarn")


def _capped(n_tokens: float) -> int:
    return int(min(n_tokens, 1 << 40))  # beyond any limit of a shape, short of an overflow


class HfConfig:
    """The language part of a ``config.json``. Every member raises ``ConvertError``."""

    def __init__(self, config: Fields) -> None:
        """Find the language part, and refuse what isn't known."""
        self.fields = config.inner("text_config") or config
        whole = config is self.fields
        self.kind = self.fields.text("model_type", "")
        named = config.items("architectures")
        name = named[0] if named and isinstance(named[0], str) else self.kind
        family = FAMILIES.get(self.kind)
        if family is None or (whole and named and name != family.name):
            known = ", ".join(f"{family.name} ({kind})" for kind, family in FAMILIES.items())
            raise ConvertError(
                f"{config.where}: the architecture {name[:80]!r} of type {self.kind[:80]!r} isn't "
                "known",
                f"those that are: {known}",
            )
        self._family = family
        for fields in (config, self.fields):
            if fields.has("quantization_config"):
                raise ConvertError(
                    f"{config.where}: a quantised repository, whose weights are no floats",
                    "take the one that it was made from, or a GGUF",
                )
        if (act := self.fields.text("hidden_act", "silu")) not in ("silu", "swish"):
            self._refuse("hidden_act", act)
        if (part := self.fields.number("partial_rotary_factor", 1.0)) != 1:
            self._refuse("partial_rotary_factor", part)

    def refuse_unknown(self) -> None:
        """Raise ``ConvertError`` for what can't be run here, as far as no tensor has to tell."""
        n_layers = min(self.fields.integer("num_hidden_layers", 1), LIMITS["n_layers"])
        self._rope(self.fields.integer("max_position_embeddings", 2048))
        self.window(n_layers)
        self.no_rope_interval(n_layers)

    @property
    def n_heads(self) -> int:
        """Heads of the queries."""
        return self.fields.integer("num_attention_heads", self._family.n_heads)

    @property
    def norm_eps(self) -> float:
        """What keeps a norm from dividing by nothing."""
        return self.fields.number("rms_norm_eps", 1e-6)

    @property
    def context_length(self) -> int:
        """How many tokens the model is good for, with its RoPE stretched."""
        trained = self.fields.integer("max_position_embeddings", 2048)
        rope = self._rope(trained)
        if rope.rule == "dynamic":
            return _capped(trained * rope.factor)
        if rope.rule == "yarn":
            return max(trained, _capped(rope.original_context * rope.factor))
        return trained

    @property
    def rope(self) -> Rope:
        """How positions turn queries and keys."""
        return self._rope(self.fields.integer("max_position_embeddings", 2048))

    def window(self, n_layers: int) -> int:
        """How many tokens a token sees, itself among them; 0 for all."""
        f, family = self.fields, self._family
        # Mistral's is on unless it says null; the others' must be switched on.
        default = family.window if "sliding_window" not in f.values else 0
        window = f.integer("sliding_window", default)
        switched = bool(family.window) or f.flag("use_sliding_window")
        if self.kind == "llama" or not switched or not 0 < window < self.context_length:
            return 0
        kinds = {self._slides(i) for i in range(n_layers)}
        if len(kinds) > 1:
            self._refuse("sliding_window", f"{window} in some layers only")
        return window if kinds == {True} else 0

    def no_rope_interval(self, n_layers: int) -> int:
        """Every how many layers one has no RoPE; 0 if all have it."""
        if self.kind != "smollm3":
            return 0
        has_rope = self.fields.items("no_rope_layers")[:n_layers]
        if not has_rope:
            return max(0, self.fields.integer("no_rope_layer_interval", NO_ROPE_INTERVAL))
        without = [i + 1 for i, turns in enumerate(has_rope) if not turns]
        interval = without[0] if without else 0
        if interval and without != list(range(interval, n_layers + 1, interval)):
            self._refuse("no_rope_layers", "irregular")
        return interval

    def _slides(self, layer: int) -> bool:
        kinds = self.fields.items("layer_types")
        if layer < len(kinds):
            return bool(kinds[layer] == "sliding_attention")
        if self.kind.startswith("qwen"):
            return layer >= self.fields.integer("max_window_layers", 28)
        return True

    def _rope(self, trained: int) -> Rope:
        f = self.fields
        # Those of transformers 5 may stand there once for each kind of layer.
        found = f.inner("rope_parameters") or f.inner("rope_scaling") or Fields({}, f.where)
        kinds = [name for name, value in found.values.items() if isinstance(value, dict)]
        each = [inner for kind in kinds if (inner := found.inner(kind))]
        ropes = {self._rope_of(fields, trained) for fields in each or [found]}
        if len(ropes) > 1:
            self._refuse("rope_parameters", "of several kinds")
        return ropes.pop()

    def _rope_of(self, f: Fields, trained: int) -> Rope:
        theta = f.number("rope_theta", self.fields.number("rope_theta", self._family.theta))
        rule = f.text("rope_type", f.text("type", "default"))
        if rule not in RULES:
            self._refuse("rope_type", rule, f"those that are: {', '.join(RULES)}")
        if (part := f.number("partial_rotary_factor", 1.0)) != 1:
            self._refuse("partial_rotary_factor", part)
        plain = Rope(rule, theta, interleaved=False)
        if rule == "default":
            return plain
        rope = replace(plain, factor=f.number("factor"), original_context=trained)
        if rule in ("linear", "dynamic"):
            return rope
        original = f.integer("original_max_position_embeddings", trained)
        rope = replace(rope, original_context=original)
        if rule == "llama3":
            low, high = f.number("low_freq_factor"), f.number("high_freq_factor")
            return replace(rope, low_freq_factor=low, high_freq_factor=high)
        return replace(
            rope,
            attention_factor=f.number("attention_factor", _attention_factor(f, rope.factor)),
            beta_fast=f.number("beta_fast", 32.0),
            beta_slow=f.number("beta_slow", 1.0),
            truncate=f.flag("truncate", True),
        )

    def _refuse(self, name: str, value: object, hint: str = "") -> NoReturn:
        what = f"{self.fields.where}: {name} is {str(value)[:60]!r}, which isn't known here"
        raise ConvertError(what, hint)


def _attention_factor(f: Fields, factor: float) -> float:
    scale, all_dims = f.number("mscale", 0.0), f.number("mscale_all_dim", 0.0)
    if scale > 0 and all_dims > 0:
        return yarn_attention_factor(factor, scale) / yarn_attention_factor(factor, all_dims)
    return yarn_attention_factor(factor)
