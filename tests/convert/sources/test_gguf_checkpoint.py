"""A GGUF model as a source of tensors: its shape, its rows, and what ncnn makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGMLQuantizationType, quants

from convert.chat_facts import chat_facts_of
from convert.choosing import choose_format
from convert.inspect import format_report, inspect
from convert.pipeline import convert
from convert.rope import Rope
from convert.rope_tables import inverse_frequencies
from convert.sources import open_source
from convert.sources.gguf.checkpoint import GgufCheckpoint
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from tests.gguf_writer import (
    BF16,
    F16,
    F32,
    Q4_0,
    Q5_0,
    Q8_0,
    Tensor,
    gguf_bytes,
    quantise,
    tensors_of,
    values_of,
    write_gguf,
    write_split,
)
from tests.tiny_model import Weights, forward, random_weights, tiny_config

IDS = [1, 5, 90, 33, 7, 7, 60, 2, 11]


def dequantised(w: Weights, kind: int) -> Weights:
    """What a file of that type says, by the package ``gguf``."""

    def matrix(values: np.ndarray) -> np.ndarray:
        raw = np.frombuffer(quantise(values, kind), np.uint8).reshape(values.shape[0], -1)
        return quants.dequantize(raw, GGMLQuantizationType(kind))

    result = dict(w)
    for name, values in w.items():
        if values.ndim == 3:
            result[name] = np.stack([matrix(layer) for layer in values])
        elif name in ("embedding", "classifier"):
            result[name] = matrix(values)
    return result


def logits_of(stem: Path) -> np.ndarray:
    engine = NcnnEngine(stem, threads=1)
    logits = engine.forward_all(IDS)
    engine.close()
    return logits


def error_of(got: np.ndarray, want: np.ndarray) -> float:
    return float(np.linalg.norm(got - want) / np.linalg.norm(want))


def test_every_tensor_is_found(tmp_path: Path) -> None:
    c = tiny_config(tied=False, head_dim=8)
    w = random_weights(c, 0)
    with open_source(write_gguf(tmp_path / "m.bin", c, w)) as source:
        assert isinstance(source, GgufCheckpoint)
        s = source.shape
        assert (s.dim, s.hidden_dim, s.n_layers, s.n_heads, s.n_kv_heads) == (64, 160, 2, 4, 2)
        assert (s.head_dim, s.vocab_size, s.context_length, s.tied) == (8, 96, 32, False)
        assert (s.norm_eps, s.rope) == (1e-5, Rope(theta=1e4, interleaved=True))
        for name, tensor in s.tensors.items():
            for layer in range(tensor.layers):
                want = w[name][layer] if tensor.layers > 1 else w[name]
                want = want.reshape(tensor.rows, tensor.cols)
                got = source.rows(name, layer, 0, tensor.rows)
                np.testing.assert_array_equal(got, want)
                if tensor.rows > 1:
                    np.testing.assert_array_equal(source.rows(name, layer, 3, 5), want[3:5])
            assert source.tensor_bytes(name) == 4 * tensor.rows * tensor.cols


@pytest.mark.parametrize(
    ("kind", "weights", "block", "tolerance"),
    [
        (F32, "fp32", None, 3e-6),
        (F16, "fp32", None, 3e-6),
        (BF16, "fp32", None, 3e-6),
        (Q8_0, "fp32", None, 3e-6),
        # Without loss in the weights; ncnn quantises the activations, and the embedding is half.
        (Q8_0, None, 32, 3e-2),
        (Q5_0, "b6", 32, 3e-2),
        (Q4_0, None, 32, 3e-2),
    ],
)
@pytest.mark.parametrize("tied", [True, False])
def test_ncnn_computes_what_the_file_says(
    tmp_path: Path, kind: int, weights: str | None, block: int | None, tolerance: float, tied: bool
) -> None:
    c = tiny_config(tied=tied, dim=64, hidden_dim=160)
    w = random_weights(c, 3)
    d = convert(write_gguf(tmp_path / "m", c, w, kind), tmp_path / "out", weights=weights)
    assert d.block == (block or 0)
    want = forward(c, dequantised(w, kind), IDS)
    assert error_of(logits_of(tmp_path / "out"), want) < tolerance


@pytest.mark.parametrize(
    ("kind", "weights", "block"),
    [
        *((F32, "q8", 0), (F16, "q8", 0), (BF16, "q8", 0)),
        *((Q8_0, "q8", 32), (Q5_0, "q8", 32), (Q4_0, "q4", 32)),
    ],
)
def test_the_default_follows_the_bits(tmp_path: Path, kind: int, weights: str, block: int) -> None:
    c = tiny_config()
    with open_source(write_gguf(tmp_path / "m", c, random_weights(c, 0), kind)) as source:
        assert (choose_format(source, None, None).name, source.block) == (weights, block)


@pytest.mark.parametrize(("kind", "bits"), [(Q8_0, 8), (Q5_0, 6), (Q4_0, 4)])
def test_blocks_move_as_they_stand(tmp_path: Path, kind: int, bits: int) -> None:
    c = tiny_config()
    w = random_weights(c, 0)
    w["wq"][0, 0] = 0  # blocks whose step is zero
    with open_source(write_gguf(tmp_path / "m", c, w, kind)) as source:
        negative = False
        for name, tensor in source.shape.tensors.items():
            if tensor.rows == 1:
                assert source.quantised_rows(name, 0, 0, 1, 8, 32) is None
                continue
            stored = source.quantised_rows(name, 0, 1, 9, bits, 32)
            assert stored
            assert stored.values.shape == (8, tensor.cols)
            assert stored.steps.shape == (8, tensor.cols // 32)
            assert np.abs(stored.values.astype(int)).max() <= 1 << (bits - 1)
            product = stored.values * np.repeat(stored.steps, 32, axis=1)
            np.testing.assert_array_equal(product, source.rows(name, 0, 1, 9))
            negative |= bool((stored.steps < 0).any())
            assert source.quantised_rows(name, 0, 1, 9, bits, 64) is None
            if bits > 4:
                assert source.quantised_rows(name, 0, 1, 9, bits - 2, 32) is None
        assert negative is (kind != Q8_0)
    d = convert(tmp_path / "m", tmp_path / "out", weights=f"b{bits}")
    assert d.block == 32


def test_halves_of_heads_turn_where_the_architecture_says(tmp_path: Path) -> None:
    c = tiny_config()
    w = random_weights(c, 0)
    values = values_of(c, "qwen2") | {"qwen2.rope.freq_base": 1e6}
    (tmp_path / "m").write_bytes(gguf_bytes(values, tensors_of(c, w)))
    convert(tmp_path / "m", tmp_path / "out", weights="fp32")
    want = forward(c, w, IDS, theta=1e6, interleaved=False)
    assert error_of(logits_of(tmp_path / "out"), want) < 3e-6


EVERYTHING = {"qkv_bias": True, "o_bias": True, "mlp_bias": True, "qk_norm": True}


@pytest.mark.parametrize(
    ("architecture", "more"),
    [
        ("llama", {"window": 4}),
        ("llama", EVERYTHING),
        ("qwen2", {"qkv_bias": True, "window": 3}),
        ("qwen3", {"qk_norm": True, "head_dim": 32}),
        ("smollm3", {"no_rope_interval": 4, "n_layers": 5}),
    ],
)
def test_what_only_some_models_have(
    tmp_path: Path, architecture: str, more: dict[str, Any]
) -> None:
    c = tiny_config(**more)
    w = random_weights(c, 5)
    interleaved = architecture in ("llama", "smollm3")
    (tmp_path / "m").write_bytes(gguf_bytes(values_of(c, architecture), tensors_of(c, w)))
    with open_source(tmp_path / "m") as source:
        assert source.shape.rope.interleaved is interleaved
        for field in (*EVERYTHING, "window", "no_rope_interval"):
            assert getattr(source.shape, field) == more.get(field, 0), field
    convert(tmp_path / "m", tmp_path / "out", weights="fp32")
    want = forward(c, w, IDS, interleaved=interleaved)
    assert error_of(logits_of(tmp_path / "out"), want) < 3e-6


YARN = {"type": "yarn", "factor": 4.0, "original_context_length": 64}


@pytest.mark.parametrize(
    ("scaling", "want"),
    [
        ({}, Rope()),
        ({"type": "none", "factor": 4.0}, Rope()),
        ({"type": "yarn", "factor": 1.0}, Rope()),
        ({"type": "linear", "factor": 4.0}, Rope(rule="linear", factor=4)),
        ({"factor": 4.0}, Rope(rule="linear", factor=4)),
        (YARN, Rope("yarn", 1e4, True, 1.138629436111989, 4.0, 64)),
        (
            YARN | {"attn_factor": 0.5, "yarn_beta_fast": 8.0, "yarn_beta_slow": 2.0},
            Rope("yarn", 1e4, True, 0.5693147180559945, 4.0, 64, beta_fast=8, beta_slow=2),
        ),
    ],
)
def test_stretched_rope(tmp_path: Path, scaling: dict[str, Any], want: Rope) -> None:
    """As llama.cpp computes it, but for the two beta, which it takes from the file of few others.

    It multiplies the attention factor of the file by 0.1 ln(factor) + 1.
    """
    c = tiny_config()
    more = {f"llama__rope__scaling__{key}": value for key, value in scaling.items()}
    with open_source(write_gguf(tmp_path / "m", c, random_weights(c, 0), **more)) as source:
        assert source.shape.rope == want


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_divisors_of_frequencies(tmp_path: Path, factor: float) -> None:
    c = tiny_config()
    divisors = np.array([1, 1, 1.5, 2, 4, 8, 8, 8], "<f4")
    tensors = tensors_of(c, random_weights(c, 0))
    tensors.append(Tensor("rope_freqs.weight", (8,), F32, divisors.tobytes()))
    values = values_of(c) | {"llama.rope.scaling.factor": factor}
    (tmp_path / "m").write_bytes(gguf_bytes(values, tensors))
    with open_source(tmp_path / "m") as source:
        got = inverse_frequencies(source.shape.rope, 16)
    want = [1e4 ** (-2 * i / 16) / float(d) / factor for i, d in enumerate(divisors)]
    np.testing.assert_allclose(got, want, rtol=1e-12)


def test_a_split_model_is_the_same_model(tmp_path: Path) -> None:
    c = tiny_config()
    w = random_weights(c, 0)
    paths = write_split(tmp_path, values_of(c), tensors_of(c, w, Q8_0), 3)
    whole = convert(write_gguf(tmp_path / "m", c, w, Q8_0), tmp_path / "out")
    parts = convert(paths[1], tmp_path / "out")
    assert parts.bin_sha256 == whole.bin_sha256
    with open_source(paths[1]) as source:
        assert source.files == tuple(paths)
        assert source.size == sum(path.stat().st_size for path in paths)


def test_the_fingerprint_tells_files_apart(tmp_path: Path) -> None:
    c = tiny_config()
    prints = []
    for i in (0, 1, 0):
        with open_source(write_gguf(tmp_path / "m", c, random_weights(c, i))) as source:
            prints.append(source.fingerprint())
    assert prints[0] == prints[2] != prints[1]
    assert prints[0].startswith("GGUF v3, ")


def test_values_beside_the_tensors(tmp_path: Path) -> None:
    c = tiny_config()
    more: dict[str, Any] = {
        "general__name": "Tiny",
        "general__sampling__temp": 0.7,
        "tokenizer__ggml__tokens": ["a", "b"],
        "tokenizer__chat_template": "{{ one }}",
        "tokenizer__chat_template.tool_use": "{{ two }}",
        "tokenizer__chat_templates": ["tool_use"],
    }
    with GgufCheckpoint(write_gguf(tmp_path / "m", c, random_weights(c, 0), **more)) as source:
        assert source.metadata["general.name"] == "Tiny"
        assert source.metadata["general.sampling.temp"] == 0.7
        assert source.metadata["tokenizer.ggml.tokens"] == ["a", "b"]
        templates = chat_facts_of(source).templates.templates
        assert templates == {"default": "{{ one }}", "tool_use": "{{ two }}"}
        assert chat_facts_of(source).sampling == {"temperature": 0.7}
    with GgufCheckpoint(write_gguf(tmp_path / "m", c, random_weights(c, 0))) as source:
        assert chat_facts_of(source).templates.templates == {}


def test_inspect_says_types_and_what_is_kept(tmp_path: Path) -> None:
    c = tiny_config(tied=False)
    w = random_weights(c, 0)
    tensors = tensors_of(c, w, Q4_0)
    tensors[-1] = tensors_of(c, w, Q8_0)[-1]  # the classifier, as in files that people have
    (tmp_path / "m").write_bytes(gguf_bytes(values_of(c), tensors))
    report = inspect(tmp_path / "m")
    assert report.format == "GGUF v3 llama (15 Q4_0, 1 Q8_0, 5 F32)"
    unchanged = {x.weights: (x.unchanged, x.matrices) for x in report.conversions}
    assert unchanged == {
        **{"int8": (0, 15), "fp16": (0, 15), "fp32": (0, 15)},
        **{"b8": (15, 15), "b6": (14, 15), "b4": (14, 15), "q8": (15, 15), "q4": (15, 15)},
    }
    types = {x.weights: x.types for x in report.conversions}
    assert types["q8"] == {"Q4_0": (14, 14), "Q8_0": (1, 1)}
    assert types["b4"] == {"Q4_0": (14, 14), "Q8_0": (0, 1)}
    assert "14 of 14 Q4_0, 0 of 1 Q8_0" in format_report(report)
    write_gguf(tmp_path / "m", c, w)
    assert "without loss" not in format_report(inspect(tmp_path / "m"))


def test_equal_numbers_for_every_layer_are_one_number(tmp_path: Path) -> None:
    c = tiny_config()
    values = values_of(c) | {"llama.attention.head_count_kv": np.array([2, 2], "<i4")}
    (tmp_path / "m").write_bytes(gguf_bytes(values, tensors_of(c, random_weights(c, 0))))
    with open_source(tmp_path / "m") as source:
        assert source.shape.n_kv_heads == 2
