"""GGUF files as people have them, against what llama.cpp says to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.pipeline import convert
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine

FLOAT32 = {
    # How far the token of llama.cpp may be below ours, in nats: it rounds the activations to the
    # type that it multiplies by. ``tests/llamacpp`` holds the same files at a thousandth.
    "f16": 0.004,
    "bf16": 0.02,
    **dict.fromkeys(("q8_0", "q4_0", "q4_1", "q5_0", "iq4_nl"), 0.08),
    **dict.fromkeys(("q2_k", "q3_k_m", "q4_k_m", "q5_k_m", "q6_k", "iq4_xs"), 0.12),
}


def golden_of(shared_data: Path, name: str) -> list[dict[str, Any]]:
    """Five prompts' ids, and what llama.cpp says to them."""
    document = json.loads((shared_data / "models" / "gguf" / "golden.json").read_text())
    prompts: list[dict[str, Any]] = document["files"][f"{name}.gguf"]
    assert len(prompts) == 5
    assert all(len(prompt["greedy"]) == 24 for prompt in prompts)
    return prompts


def opened(shared_data: Path, tmp_path: Path, name: str, weights: str | None) -> NcnnEngine:
    convert(shared_data / "models" / "gguf" / f"{name}.gguf", tmp_path / "out", weights=weights)
    return NcnnEngine(tmp_path / "out", threads=1)


def hold_first_step(logits: np.ndarray, prompt: dict[str, Any], slack: float) -> None:
    """The likeliest token, unless they are nearly two; and the chances of the first five."""
    log_p = logits - logits.max()
    log_p -= np.log(np.exp(log_p).sum())
    tokens, want = zip(*prompt["first_top5"], strict=True)
    np.testing.assert_allclose(log_p[list(tokens)], want, rtol=0, atol=slack)
    assert int(logits.argmax()) == tokens[0] or want[0] - want[1] < slack


@pytest.mark.parametrize("name", FLOAT32)
def test_tokens_of_llama_cpp(shared_data: Path, tmp_path: Path, name: str) -> None:
    engine, slack = opened(shared_data, tmp_path, name, "fp32"), FLOAT32[name]
    others = 0
    for prompt in golden_of(shared_data, name):
        engine.rewind(0)
        logits = engine.forward(prompt["ids"])
        hold_first_step(logits, prompt, slack)
        for token in prompt["greedy"]:
            assert logits.max() - logits[token] < slack
            others += int(logits.argmax()) != token
            logits = engine.forward([token])
    engine.close()
    assert others <= (1 if slack < 0.05 else 9)


@pytest.mark.parametrize(
    ("name", "weights", "slack"),
    [
        *(("q8_0", "q8", 0.08), ("f16", "q8", 0.08), ("bf16", "q8", 0.08), ("q6_k", "q8", 0.12)),
        *((each, "q8", 0.12) for each in ("q5_0", "q5_k_m")),
        *((each, "q4", 0.3) for each in ("q4_0", "q4_1", "q4_k_m")),
        *((each, "q4", 1.2) for each in ("iq4_nl", "q2_k", "q3_k_m", "iq4_xs")),
    ],
)
def test_first_tokens_of_llama_cpp_by_default(
    shared_data: Path, tmp_path: Path, name: str, weights: str, slack: float
) -> None:
    """ncnn rounds the activations too; of those with less than a byte, the weights as well."""
    engine = opened(shared_data, tmp_path, name, None)
    assert engine.desc.weights == weights
    for prompt in golden_of(shared_data, name):
        engine.rewind(0)
        logits = engine.forward(prompt["ids"])
        hold_first_step(logits, prompt, slack)
        for token in prompt["greedy"] if name in ("q8_0", "q4_0") else ():  # moved as they stand
            assert logits.max() - logits[token] < slack
            logits = engine.forward([token])
    engine.close()
