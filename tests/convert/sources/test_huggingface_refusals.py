"""Folders of the Hub that are damaged, hostile or of an unknown kind: refused in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.convert.sources.test_huggingface import C, W, error_for
from tests.folders import (
    config_of,
    hf_tensors,
    safetensors,
    write_hf,
)


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (
            {"architectures": ["GPT2LMHeadModel"]},
            ("'GPT2LMHeadModel'", "smollm3", "Qwen3ForCausalLM"),
        ),
        ({"model_type": "gemma2", "architectures": ["Gemma2ForCausalLM"]}, ("gemma2", "llama")),
        ({"architectures": ["LlamaForSequenceClassification"]}, ("SequenceClassification",)),
        ({"model_type": None, "architectures": None}, ("isn't known",)),
        ({"quantization_config": {"quant_method": "gptq"}}, ("quantised", "GGUF")),
        ({"hidden_act": "gelu"}, ("hidden_act", "gelu")),
        ({"partial_rotary_factor": 0.5}, ("partial_rotary_factor",)),
        ({"rope_scaling": {"rope_type": "longrope", "factor": 4}}, ("longrope", "yarn")),
        ({"rope_scaling": {"rope_type": "linear"}}, ("factor is missing",)),
        ({"rope_scaling": {"rope_type": "linear", "factor": -1}}, ("rope.factor is -1",)),
        ({"rope_scaling": {"rope_type": "dynamic", "factor": 1e300}}, ("context_length",)),
        ({"rope_scaling": "linear"}, ("not an object",)),
        (
            {"rope_parameters": {"a": {"rope_theta": 5.0}, "b": {"rope_theta": 6.0}}},
            ("rope_parameters", "several kinds"),
        ),
        ({"num_attention_heads": "four"}, ("num_attention_heads is 'four'", "whole number")),
        ({"num_attention_heads": 0}, ("num_attention_heads 0",)),
        ({"num_attention_heads": 5}, ("n_heads 5 isn't a multiple of n_kv_heads 2",)),
        ({"num_hidden_layers": 1}, ("model.layers.1.", "isn't known")),
        ({"num_hidden_layers": 3}, ("model.layers.2.", "none of its files")),
        ({"num_hidden_layers": 10**9}, ("num_hidden_layers 1000000000",)),
        ({"hidden_size": 128}, ("embed_tokens.weight has shape [96, 64]", "[96, 128]")),
        ({"head_dim": 32}, ("q_proj.weight has shape [96, 64]", "[128, 64]")),
        ({"max_position_embeddings": 0}, ("context_length is 0",)),
        ({"rms_norm_eps": float("nan")}, ("rms_norm_eps is nan",)),
    ],
)
def test_what_isnt_known_is_refused_by_name(
    tmp_path: Path, says: dict[str, Any], words: tuple[str, ...]
) -> None:
    write_hf(tmp_path / "hf", config_of(C, **says), hf_tensors(C, W))
    message = error_for(tmp_path / "hf")
    for word in words:
        assert word in message


Change = Callable[[Path], object]


def reindex(folder: Path, name: str) -> None:
    path = folder / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    first = next(iter(index["weight_map"]))
    index["weight_map"][first] = name
    path.write_text(json.dumps(index))


SHARD = "model-00002-of-00002.safetensors"
INDEX = "model.safetensors.index.json"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda f: (f / "config.json").unlink(), "without config.json or params.json"),
        (lambda f: (f / "config.json").write_text("{"), "isn't JSON"),
        (lambda f: (f / "config.json").write_text("[" * 100_000), "nested too deep"),
        (lambda f: (f / "config.json").write_text("[]"), "isn't a JSON object"),
        (lambda f: (f / "config.json").write_text('{"a": ' + "9" * 5000 + "}"), "5000 digits"),
        (lambda f: (f / "config.json").write_bytes(b"\xff\xfe{}"), "isn't JSON"),
        (lambda f: (f / SHARD).unlink(), f"{SHARD}: is missing"),
        (lambda f: (f / INDEX).unlink(), "neither model.safetensors or pytorch_model.bin"),
        (lambda f: (f / INDEX).write_text("{}"), "weight_map is missing"),
        (lambda f: reindex(f, "../elsewhere.safetensors"), "'../elsewhere.safetensors'"),
        (lambda f: reindex(f, "/etc/passwd"), "a file's name is no path"),
        (lambda f: reindex(f, ".."), "a file's name is no path"),
        (lambda f: reindex(f, "a\\b"), "a file's name is no path"),
        (lambda f: reindex(f, "a\0b"), "a file's name is no path"),
        (lambda f: reindex(f, SHARD), "is in none of its files"),
        (lambda f: (f / SHARD).write_bytes(b"12345678"), "a header of"),
        (lambda f: (f / SHARD).write_bytes(b"1234567"), "shorter than any header"),
        (lambda f: (f / SHARD).write_bytes((f / SHARD).read_bytes()[:-1]), "truncated"),
    ],
)
def test_damaged_folders_are_refused(tmp_path: Path, change: Change, word: str) -> None:
    folder = write_hf(tmp_path / "hf", config_of(C), hf_tensors(C, W), shards=2)
    change(folder)
    assert word in error_for(folder)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = write_hf(tmp_path / "hf", config_of(C), hf_tensors(C, W))
    (folder / "model.safetensors").rename(tmp_path / "elsewhere")
    (folder / "model.safetensors").symlink_to(tmp_path / "elsewhere")
    assert "out of its folder" in error_for(folder)


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ({"dtype": "F8_E4M3", "shape": [96, 64], "data_offsets": [0, 6144]}, "F8_E4M3"),
        ({"dtype": "F32", "shape": [96, 63], "data_offsets": [0, 24576]}, "nonsense"),
        ({"dtype": "F32", "shape": [96, -64], "data_offsets": [0, 24576]}, "nonsense"),
        ({"dtype": "F32", "shape": [96, True], "data_offsets": [0, 384]}, "nonsense"),
        ({"dtype": "F32", "shape": [1] * 9, "data_offsets": [0, 4]}, "nonsense"),
        ({"dtype": "F32", "shape": [1 << 61], "data_offsets": [0, 1 << 61]}, "truncated"),
        ({"dtype": "F32", "shape": [96, 64], "data_offsets": [24576, 0]}, "nonsense"),
        ({"dtype": "F32", "shape": [96, 64], "data_offsets": [0]}, "nonsense"),
        ({"dtype": "F32", "shape": [6144], "data_offsets": [0, 24576]}, "[6144]"),
        ({"dtype": "F32", "shape": [], "data_offsets": [0, 4]}, "vocab_size is 0"),
        ({"dtype": 32}, "nonsense"),
        ([], "nonsense"),
        (None, "nonsense"),
    ],
)
def test_a_header_is_held_against_the_file(tmp_path: Path, entry: Any, word: str) -> None:
    folder = write_hf(tmp_path / "hf", config_of(C), {})
    raw = safetensors(hf_tensors(C, W), **{"model.embed_tokens.weight": entry})
    (folder / "model.safetensors").write_bytes(raw)
    assert word in error_for(folder)


@pytest.mark.parametrize(
    "extra", ["layers.0.self_attn.sinks", "layers.1.input_layernorm.bias", "norm.bias"]
)
def test_a_tensor_that_would_be_left_out_is_named(tmp_path: Path, extra: str) -> None:
    tensors = {**hf_tensors(C, W), f"model.{extra}": np.ones(64, np.float32)}
    write_hf(tmp_path / "hf", config_of(C), tensors)
    assert f"'model.{extra}' isn't known" in error_for(tmp_path / "hf")


def test_a_bias_in_one_layer_alone_is_missed_in_the_others(tmp_path: Path) -> None:
    bias = {"model.layers.1.self_attn.k_proj.bias": np.ones(48, np.float32)}
    write_hf(tmp_path / "hf", config_of(C), {**hf_tensors(C, W), **bias})
    assert "layers.0.self_attn.q_proj.bias is in none" in error_for(tmp_path / "hf")
