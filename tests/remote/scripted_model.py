"""A model whose next token is known beforehand, as a folder that engines elsewhere run.

``python -m tests.remote.scripted_model FOLDER`` writes it. Its vocabulary is ``ByteTokenizer``'s, a
token for each byte. After a token comes its successor in ``CHAINS``, with a probability of some
0.7; what follows any other token is chance.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tests.fakes import BOS, EOS, ByteTokenizer
from tests.folders import config_of, hf_tensors, write_hf
from tests.tiny_model import TinyConfig, Weights, random_weights, tiny_config

N_CONTEXT = 256
OTHER_END = 280
"""Ends a text too, says the model, and the vocabulary doesn't."""


def ids(text: str) -> list[int]:
    return ByteTokenizer().encode(text, bos=False)


LETTERS = ids("abcdefghijklmnopqrstuvwxyz")
CHAINS = ([*ids(">é日😀!"), EOS], [*ids("?Z"), OTHER_END], [*LETTERS, LETTERS[0]])
"""Text whose characters are of several tokens, and an end; another end; what has no end."""

SHARPNESS = 7.0
"""The logit of a successor. Those of all other tokens have a deviation of an eighth of that."""


def scripted_model() -> tuple[TinyConfig, Weights]:
    """Its attention and its perceptron add nothing: a row of the classifier is the embedding of the
    token before."""
    c = tiny_config(
        dim=64,
        hidden_dim=64,
        n_layers=1,
        n_heads=2,
        n_kv_heads=1,
        vocab_size=ByteTokenizer.vocab_size,
        seq_len=N_CONTEXT,
        tied=False,
    )
    w = random_weights(c, 0)
    for name in ("wo", "w2"):
        w[name][:] = 0
    for name in ("rms_att", "rms_ffn", "rms_final"):
        w[name][:] = 1
    normal = np.random.default_rng(1).standard_normal((2, c.vocab_size, c.dim), np.float32)
    normal /= np.sqrt((normal**2).mean(axis=-1, keepdims=True))
    w["embedding"], rows = normal
    for chain in CHAINS:
        for token, successor in pairwise(chain):
            rows[successor] = w["embedding"][token]
    w["classifier"] = rows * np.float32(SHARPNESS / c.dim)
    return c, w


def tokenizer_json() -> dict[str, Any]:
    """The document of a vocabulary without merges: every character is of bytes."""
    n = ByteTokenizer.vocab_size
    names = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    names += [f"<unused{token}>" for token in range(len(names), n)]
    special = (0, BOS, EOS, OTHER_END)
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    added = [{"id": i, "content": names[i], **flags, "special": True} for i in special]
    begin = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [begin, text],
            "pair": [begin, text, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [BOS], "tokens": ["<s>"]}},
        },
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": {name: token for token, name in enumerate(names)},
            "merges": [],
        },
    }


def write_scripted_model(folder: Path) -> None:
    """Write all files that an engine wants."""
    c, w = scripted_model()
    ends = {"bos_token_id": BOS, "eos_token_id": EOS}
    config = config_of(c, "llama", torch_dtype="float32", tie_word_embeddings=False, **ends)
    write_hf(folder, config, hf_tensors(c, w))
    names = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    documents = {
        "tokenizer.json": tokenizer_json(),
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", **names},
        "generation_config.json": {**ends, "eos_token_id": [EOS, OTHER_END]},
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document))


if __name__ == "__main__":
    write_scripted_model(Path(sys.argv[1]))
