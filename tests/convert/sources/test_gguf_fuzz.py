"""Damaged GGUF files: whatever the bytes say, it opens or it is a ``ConvertError``."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path

import numpy as np
import pytest

from convert.errors import ConvertError
from convert.formats import codec_of
from convert.pipeline import convert_tensors
from convert.sources.gguf.checkpoint import GgufCheckpoint
from tests.gguf_writer import Q4_0, Q8_0, gguf_bytes, tensors_of, values_of, write_split
from tests.tiny_model import random_weights, tiny_config

CASES = int(os.environ.get("GGUF_FUZZ_CASES", "600"))
TINY = tiny_config(
    dim=32, hidden_dim=32, n_layers=1, n_heads=2, n_kv_heads=1, vocab_size=16, qkv_bias=True
)
INTERESTING = [0, 1, 2, 3, 8, 9, 31, 33, 255, 1 << 16, 1 << 31, 1 << 32, 1 << 63, (1 << 64) - 1]


def values() -> dict[str, object]:
    return values_of(TINY) | {
        "general.alignment": 32,
        "llama.rope.scaling.type": "yarn",
        "llama.rope.scaling.factor": 4.0,
        "llama.rope.scaling.original_context_length": 16,
        "tokenizer.ggml.tokens": ["<s>", "a", "b"] * 3,
        "tokenizer.ggml.scores": np.zeros(9, "<f4"),
        "tokenizer.chat_template": "{{ x }}",
    }


def damaged(raw: bytes, rng: random.Random) -> bytes:
    """One to three hurts, most of them in the header."""
    data = bytearray(raw)
    end = min(len(data), 2500)
    for _ in range(rng.randint(1, 3)):
        kind, at = rng.randrange(5), rng.randrange(end)
        if kind == 0:
            data[at] = rng.randrange(256)
        elif kind == 1:
            data[at : at + 8] = struct.pack("<Q", rng.choice(INTERESTING))
        elif kind == 2:
            data[at : at + 4] = struct.pack("<I", rng.choice(INTERESTING) & 0xFFFFFFFF)
        elif kind == 3:
            del data[rng.randrange(len(data)) :]
        else:
            n = rng.randrange(1, 40)
            data[at : at + n] = data[(other := rng.randrange(end)) : other + n]
        end = max(1, min(len(data), end))
        data = data or bytearray(b"G")
    return bytes(data)


def complaint(path: Path, rng: random.Random) -> str:
    """Read all that there is to read, and convert it; what was wrong, or nothing."""
    try:
        with GgufCheckpoint(path) as source:
            for key in source.metadata:
                _ = source.metadata[key]
            source.fingerprint()
            codec = codec_of(rng.choice(["int8", "b8", "b4", "fp16"]), 32)
            convert_tensors(source, path.parent / "out", codec)
    except ConvertError as e:
        return str(e)
    return ""


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", [Q8_0, Q4_0])
def test_damaged_files(tmp_path: Path, kind: int) -> None:
    tensors = tensors_of(TINY, random_weights(TINY, 0), kind)
    whole = gguf_bytes(values(), tensors)
    paths = write_split(tmp_path, values(), tensors, 2)
    parts = [path.read_bytes() for path in paths]
    rng = random.Random(kind)
    sound = 0
    for case in range(CASES // 2):
        path = tmp_path / "x"
        if case % 4:
            path.write_bytes(damaged(whole, rng))
        else:
            hurt = rng.randrange(2)
            paths[hurt].write_bytes(damaged(parts[hurt], rng))
            path = paths[rng.randrange(2)]
        said = complaint(path, rng)
        assert said.isprintable()
        sound += not said
        for path, raw in zip(paths, parts, strict=True):
            path.write_bytes(raw)
    assert 0 < sound < CASES // 2
