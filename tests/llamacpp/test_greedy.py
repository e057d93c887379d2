"""Made-up GGUF models of every architecture that both know: greedy tokens against llama.cpp's.

Float32 weights, activations and caches on either side, so that all chances are equal as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.llama_server import LlamaServer, log_probabilities
from convert.pipeline import convert
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from tests.gguf_writer import F32, Tensor, gguf_bytes, tensors_of, values_of
from tests.model.tiny_engine import log_softmax
from tests.tiny_model import TinyConfig, random_weights, tiny_config

pytest.importorskip("xllamacpp", reason="llama.cpp isn't installed: pip --group oracles")

N_TOKENS = 32
EOS = 2  # which isn't to end the test, and so is chosen by neither
TIE = 1e-3
"""How near to the highest logit llama.cpp's choice has to be where it is another than ours."""

WINDOW = 64
"""llama.cpp reads no window of a Llama: up to there it sees what a Mistral sees."""

YARN = {"type": "yarn", "factor": 4.0, "original_context_length": 32}
Config = dict[str, Any]
MODELS: dict[str, tuple[str, Config, dict[str, Any]]] = {
    "llama": ("llama", {}, {}),
    "llama, untied, wide heads": ("llama", {"tied": False, "head_dim": 32}, {}),
    "llama, all heads": ("llama", {"n_kv_heads": 4}, {}),
    "llama, biases": ("llama", {"qkv_bias": True, "o_bias": True, "mlp_bias": True}, {}),
    "llama, theta": ("llama", {}, {"rope.freq_base": 5e5}),
    "llama, linear": ("llama", {}, {"rope.scaling.type": "linear", "rope.scaling.factor": 4.0}),
    "llama, yarn": ("llama", {}, {f"rope.scaling.{key}": value for key, value in YARN.items()}),
    "llama, frequencies": ("llama", {}, {}),
    "mistral": ("llama", {"window": WINDOW}, {}),
    "qwen2": ("qwen2", {"qkv_bias": True}, {}),
    "qwen3": ("qwen3", {"qk_norm": True, "head_dim": 32}, {}),
    "smollm3": ("smollm3", {"no_rope_interval": 4, "n_layers": 5}, {}),
}


def write_model(path: Path, name: str) -> TinyConfig:
    """A model with a vocabulary of words that mean nothing."""
    architecture, more, keys = MODELS[name]
    c = tiny_config(seq_len=128, **more)
    tensors = tensors_of(c, random_weights(c, 5))
    if name == "llama, frequencies":
        divisors = np.geomspace(1, 8, c.head_dim // 2).astype("<f4")
        tensors.append(Tensor("rope_freqs.weight", divisors.shape, F32, divisors.tobytes()))
    vocabulary = {
        "model": "llama",
        "tokens": ["<unk>", "<s>", "</s>", *(f"w{i}" for i in range(3, c.vocab_size))],
        "scores": np.zeros(c.vocab_size, np.float32),
        "token_type": np.array([2, 3, 3] + [1] * (c.vocab_size - 3), np.int32),
    }
    values = values_of(c, architecture)
    values |= {f"tokenizer.ggml.{key}": value for key, value in vocabulary.items()}
    values |= {f"{architecture}.{key}": value for key, value in keys.items()}
    path.write_bytes(gguf_bytes(values, tensors))
    return c


@pytest.mark.parametrize("name", MODELS)
def test_greedy_tokens_are_llamacpps(tmp_path: Path, name: str) -> None:
    c = write_model(tmp_path / "m.gguf", name)
    convert(tmp_path / "m.gguf", tmp_path / "m", weights="fp32")
    engine = NcnnEngine(tmp_path / "m", threads=1)
    rng = np.random.default_rng(0)
    prompts = [rng.integers(3, c.vocab_size, n).tolist() for n in (1, 2, 9, WINDOW - N_TOKENS)]
    with LlamaServer(tmp_path / "m.gguf") as theirs:
        for ids in prompts:
            answer = theirs.complete(ids, N_TOKENS, n_probs=c.vocab_size, ignore_eos=True)
            assert len(answer["tokens"]) == N_TOKENS
            engine.rewind(0)
            logits = engine.forward(ids)
            for token, chances in zip(answer["tokens"], log_probabilities(answer), strict=True):
                best = np.delete(logits, EOS).max()
                assert best - logits[token] < TIE
                want = [chances[i] for i in range(c.vocab_size)]
                got = log_softmax(logits[None].astype(np.float64))[0]
                np.testing.assert_allclose(got, want, rtol=0, atol=1e-4)
                logits = engine.forward([token])
    engine.close()
