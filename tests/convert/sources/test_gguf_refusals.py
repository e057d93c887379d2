"""GGUF models that can't be: refused in a line that says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.errors import ConvertError
from convert.pipeline import convert
from convert.sources import open_source
from tests.gguf_writer import (
    F32,
    Q8_0,
    Tensor,
    gguf_bytes,
    tensors_of,
    values_of,
)
from tests.tiny_model import random_weights, tiny_config


def test_a_damaged_step_is_named(tmp_path: Path) -> None:
    c = tiny_config()
    w = random_weights(c, 0)
    tensors = tensors_of(c, w, Q8_0)
    at = next(i for i, t in enumerate(tensors) if t.name == "blk.0.attn_q.weight")
    wq = tensors[at]
    tensors[at] = Tensor(wq.name, wq.dims, wq.type, b"\x00\x7e" + wq.data[2:])  # NaN
    (tmp_path / "m").write_bytes(gguf_bytes(values_of(c), tensors))
    for weights in ("b8", "b4", "fp32"):
        with pytest.raises(ConvertError, match=r"wq of layer 0: .* not a finite number"):
            convert(tmp_path / "m", tmp_path / "out", weights=weights)


def test_a_qwen3_without_its_norms_is_refused(tmp_path: Path) -> None:
    c = tiny_config()
    tensors = tensors_of(c, random_weights(c, 0))
    (tmp_path / "m").write_bytes(gguf_bytes(values_of(c, "qwen3"), tensors))
    with pytest.raises(ConvertError, match=r"blk.0.attn_q_norm.weight is missing"):
        open_source(tmp_path / "m")


Change = Callable[[dict[str, Any], list[Tensor]], object]


def set_to(key: str, value: Any) -> Change:
    return lambda values, tensors: values.update({key: value})


def without(key: str) -> Change:
    return lambda values, tensors: values.pop(key)


def with_tensor(name: str, n: int = 64) -> Change:
    return lambda values, tensors: tensors.append(Tensor(name, (n,), F32, bytes(4 * n)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            set_to("general.architecture", "gemma3"),
            "'gemma3', which isn't known; these are: llama, smollm3, qwen2, qwen3",
        ),
        (without("general.architecture"), "general.architecture is missing"),
        (without("llama.block_count"), "llama.block_count is missing"),
        (without("llama.attention.layer_norm_rms_epsilon"), "epsilon is missing"),
        (set_to("llama.block_count", 3), "blk.2.attn_norm.weight is missing"),
        (set_to("llama.block_count", 1), "blk.1.attn_k.weight has no place"),
        (set_to("llama.block_count", 2**32 - 1), "n_layers is 4294967295"),
        (set_to("llama.embedding_length", 128), r"shape \(96, 64\) and should have \(96, 128\)"),
        (set_to("llama.embedding_length", np.int32(-64)), "dim is -64"),
        (set_to("llama.attention.head_count", 0), "n_heads is 0"),
        (set_to("llama.attention.head_count_kv", 3), "isn't a multiple"),
        (
            set_to("llama.attention.head_count_kv", np.array([2, 1], "<i4")),
            "head_count_kv differs from layer to layer",
        ),
        (set_to("llama.feed_forward_length", "many"), "feed_forward_length is 'many'"),
        (set_to("llama.feed_forward_length", np.array([], "<i4")), "length is an array"),
        (set_to("llama.attention.key_length", 15), "value_length is 16 and a head has 15"),
        (set_to("llama.attention.value_length", 8), "value_length is 8 and a head has 16"),
        (set_to("llama.rope.dimension_count", 8), "dimension_count is 8 and a head has 16"),
        (set_to("llama.rope.freq_base", float("nan")), "rope.theta is nan"),
        (set_to("llama.expert_count", 8), "mixture of 8 experts"),
        (with_tensor("blk.0.ffn_gate_inp.weight"), "blk.0.ffn_gate_inp.weight has no place"),
        (set_to("llama.attention.sliding_window", np.int32(-8)), "window is -8"),
        (with_tensor("blk.0.attn_q.bias"), "blk.1.attn_q.bias is missing"),
        (with_tensor("blk.1.attn_q.bias"), "blk.1.attn_q.bias has no place"),
        (with_tensor("blk.0.ffn_gate.bias"), r"shape \(64,\) and should have \(160,\)"),
        (with_tensor("rope_freqs.weight", 7), r"rope_freqs.weight of shape \(7,\) for heads of 16"),
        (with_tensor("rope_freqs.weight", 8), "rope.divisors are out of range"),
        (set_to("llama.rope.scaling.factor", float("nan")), "rope.factor is nan"),
        (set_to("llama.rope.scaling.factor", -2.0), "rope.factor is -2"),
        (set_to("llama.rope.scaling.type", "longrope"), "RoPE scaling 'longrope'"),
        (lambda values, tensors: tensors.pop(0), "vocab_size is 0"),
        (lambda values, tensors: tensors.pop(), "output_norm.weight is missing"),
    ],
)
def test_models_that_cant_be(tmp_path: Path, change: Change, message: str) -> None:
    c = tiny_config()
    values, tensors = values_of(c), tensors_of(c, random_weights(c, 0))
    change(values, tensors)
    (tmp_path / "m").write_bytes(gguf_bytes(values, tensors))
    with pytest.raises(ConvertError, match=message):
        open_source(tmp_path / "m")
