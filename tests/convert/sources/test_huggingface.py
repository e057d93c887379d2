"""Folders of the Hub, written by hand: what they come to in ncnn."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.errors import ConvertError
from convert.pipeline import convert
from convert.sources import open_source
from tests.convert.test_logits import IDS, TOLERANCE, logits_of, relative_error
from tests.folders import (
    config_of,
    hf_tensors,
    rounded,
    write_hf,
    write_pth,
)
from tests.tiny_model import TinyConfig, forward, random_weights, tiny_config

C = tiny_config(tied=False, head_dim=24)
W = random_weights(C, 0)


def error_for(path: Path) -> str:
    with pytest.raises(ConvertError) as caught:
        open_source(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
@pytest.mark.parametrize("form", ["one", "three", "bin", "bins"])
def test_every_form_of_weights_gives_the_same_logits(tmp_path: Path, dtype: str, form: str) -> None:
    w = rounded(W, dtype)
    tensors = hf_tensors(C, w)
    tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = np.ones(12, np.float32)
    write_hf(tmp_path / "hf", config_of(C), tensors, dtype, 3 if form == "three" else 1)
    if form.startswith("bin"):
        (tmp_path / "hf" / "model.safetensors").unlink()
        if form == "bin":
            write_pth(tmp_path / "hf" / "pytorch_model.bin", tensors, dtype)
        else:
            half = len(tensors) // 2
            places: dict[str, str] = {}
            for i, part in enumerate((list(tensors)[:half], list(tensors)[half:])):
                name = f"pytorch_model-{i + 1:05}-of-00002.bin"
                write_pth(tmp_path / "hf" / name, {k: tensors[k] for k in part}, dtype)
                places |= dict.fromkeys(part, name)
            index = tmp_path / "hf" / "pytorch_model.bin.index.json"
            index.write_text(json.dumps({"weight_map": places}))
    d = convert(tmp_path / "hf", tmp_path / "out", weights="fp32")
    assert (
        f"Hugging Face llama ({ {'F32': 'float32', 'F16': 'float16', 'BF16': 'bfloat16'}[dtype] })"
        in d.source
    )
    want = forward(C, w, IDS, interleaved=False)
    assert relative_error(logits_of(tmp_path / "out", IDS), want) < TOLERANCE["fp32"]


# What each architecture has beside Llama, as its config.json and its tensors say it.
CASES: dict[str, tuple[str, dict[str, int], dict[str, Any]]] = {
    "qwen2": ("qwen2", {"qkv_bias": 1}, {}),
    "llama-biases": (
        "llama",
        {"qkv_bias": 1, "o_bias": 1, "mlp_bias": 1},
        {"attention_bias": True},
    ),
    "qwen3": ("qwen3", {"qk_norm": 1}, {}),
    "smollm3": ("smollm3", {"no_rope_interval": 2}, {"no_rope_layers": [1, 0, 1]}),
    "smollm3-interval": ("smollm3", {"no_rope_interval": 3}, {"no_rope_layer_interval": 3}),
}


@pytest.mark.parametrize("name", list(CASES))
def test_architectures(tmp_path: Path, name: str) -> None:
    kind, more, says = CASES[name]
    c = tiny_config(n_layers=3, **more)  # type: ignore[arg-type]
    w = random_weights(c, 1)
    write_hf(tmp_path / "hf", config_of(c, kind, **says), hf_tensors(c, w))
    d = convert(tmp_path / "hf", tmp_path / "out", weights="fp32")
    assert d.shape.tied
    want = forward(c, w, IDS, interleaved=False)
    assert relative_error(logits_of(tmp_path / "out", IDS), want) < TOLERANCE["fp32"]


def shape_for(tmp_path: Path, c: TinyConfig = C, kind: str = "llama", **says: Any) -> Any:
    write_hf(tmp_path / "hf", config_of(c, kind, **says), hf_tensors(c, random_weights(c, 0)))
    with open_source(tmp_path / "hf") as source:
        assert (source.bits_of("wq", 0), source.block) == (32, 0)
        return source.shape


@pytest.mark.parametrize(
    ("kind", "says", "window"),
    [
        ("mistral", {"sliding_window": 16}, 16),
        ("mistral", {"sliding_window": None}, 0),
        ("mistral", {"sliding_window": 32}, 0),  # as long as the context
        ("mistral", {"max_position_embeddings": 8192}, 4096),  # MistralConfig's own
        ("llama", {"sliding_window": 16}, 0),
        ("qwen2", {"sliding_window": 16}, 0),
        ("qwen2", {"sliding_window": 16, "use_sliding_window": True, "max_window_layers": 0}, 16),
        ("qwen2", {"sliding_window": 16, "use_sliding_window": True, "max_window_layers": 2}, 0),
        (
            "qwen3",
            {
                "sliding_window": 16,
                "use_sliding_window": True,
                "layer_types": ["sliding_attention"] * 2,
            },
            16,
        ),
    ],
)
def test_windows(tmp_path: Path, kind: str, says: dict[str, Any], window: int) -> None:
    assert shape_for(tmp_path, C, kind, **says).window == window


LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
LLAMA3["original_max_position_embeddings"] = 8


@pytest.mark.parametrize(
    ("says", "rule", "context"),
    [
        ({"rope_scaling": None}, ("default", 1e4, 1.0, 0), 32),
        ({"rope_scaling": {"type": "linear", "factor": 2}}, ("linear", 1e4, 2.0, 32), 32),
        ({"rope_scaling": {"rope_type": "dynamic", "factor": 4.0}}, ("dynamic", 1e4, 4.0, 32), 128),
        ({"rope_scaling": {"rope_type": "llama3", **LLAMA3}}, ("llama3", 1e4, 8.0, 8), 32),
        (
            {"rope_parameters": {"rope_type": "llama3", "rope_theta": 5e5, **LLAMA3}},
            ("llama3", 5e5, 8.0, 8),
            32,
        ),
        (
            {"rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 7}}},
            ("default", 7.0, 1.0, 0),
            32,
        ),
        (
            {
                "rope_scaling": {
                    "type": "yarn",
                    "factor": 4.0,
                    "original_max_position_embeddings": 16,
                }
            },
            ("yarn", 1e4, 4.0, 16),
            64,
        ),
    ],
)
def test_rope_of_both_generations(
    tmp_path: Path, says: dict[str, Any], rule: tuple[Any, ...], context: int
) -> None:
    shape = shape_for(tmp_path, **says)
    rope = shape.rope
    assert (rope.rule, rope.theta, rope.factor, rope.original_context) == rule
    assert not rope.interleaved
    assert shape.context_length == context


@pytest.mark.parametrize(
    ("more", "want"),
    [
        ({}, 1.1386294361),
        ({"attention_factor": 1.5}, 1.5),
        ({"mscale": 1.0, "mscale_all_dim": 0.5}, 1.1386294361 / 1.0693147181),
    ],
)
def test_yarns_attention_factor(tmp_path: Path, more: dict[str, float], want: float) -> None:
    rope = shape_for(tmp_path, rope_scaling={"type": "yarn", "factor": 4.0, **more}).rope
    assert rope.attention_factor == pytest.approx(want, rel=1e-9)
    assert rope.original_context == 32


def test_what_a_config_leaves_out_is_in_the_tensors(tmp_path: Path) -> None:
    config = config_of(C)
    for name in ("hidden_size", "intermediate_size", "num_hidden_layers", "head_dim"):
        del config[name]
    del config["num_key_value_heads"]
    write_hf(tmp_path / "hf", config, hf_tensors(C, W))
    with open_source(tmp_path / "hf") as source:
        s = source.shape
        assert (s.dim, s.hidden_dim, s.n_layers, s.head_dim, s.n_kv_heads) == (64, 160, 2, 24, 2)


@pytest.mark.parametrize("prefix", ["model.", "", "model.language_model.", "language_model.model."])
def test_the_language_part_is_found(tmp_path: Path, prefix: str) -> None:
    text = {k: v for k, v in config_of(C, "mistral").items() if k != "architectures"}
    config = {"architectures": ["LlavaForConditionalGeneration"], "text_config": text}
    tensors = hf_tensors(C, W, prefix) | {"vision_tower.layers.0.x": np.ones(3, np.float32)}
    write_hf(tmp_path / "hf", config, tensors)
    if prefix:
        with open_source(tmp_path / "hf") as source:
            assert source.format == "Hugging Face mistral (float32)"
            np.testing.assert_array_equal(source.rows("w2", 1, 3, 9), W["w2"][1][3:9])


def test_tied_or_not_by_what_is_there(tmp_path: Path) -> None:
    for tensors, tied in (
        (hf_tensors(C, W), False),
        ({**hf_tensors(C, W), "lm_head.weight": W["embedding"]}, True),
        (hf_tensors(replace(C, tied=True), W), True),
    ):
        for says in (True, False):
            write_hf(tmp_path / "hf", config_of(C, tie_word_embeddings=says), tensors)
            with open_source(tmp_path / "hf") as source:
                assert source.shape.tied == tied


def test_rows_beyond_the_vocabulary_are_kept(tmp_path: Path) -> None:
    assert shape_for(tmp_path, vocab_size=90).vocab_size == 96


def test_a_folder_of_the_hubs_cache_is_links_to_its_blobs(tmp_path: Path) -> None:
    write_hf(tmp_path / "made", config_of(C), hf_tensors(C, W))
    snapshot = tmp_path / "models--a--b" / "snapshots" / "0123"
    blobs = tmp_path / "models--a--b" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for i, path in enumerate(sorted((tmp_path / "made").iterdir())):
        shutil.copy(path, blobs / f"{i}")
        (snapshot / path.name).symlink_to(f"../../blobs/{i}")
    with open_source(snapshot) as source:
        assert source.shape.dim == 64
    (snapshot / "config.json").unlink()
    (snapshot / "config.json").symlink_to(tmp_path / "made" / "config.json")
    assert "is a link to" in error_for(snapshot)
