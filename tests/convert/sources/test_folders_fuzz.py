"""Damaged folders of every kind: whatever their bytes say, they open or it is a ``ConvertError``.

``FUZZ_CASES`` sets how many cases each reader gets.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.errors import ConvertError
from convert.sources import open_source
from convert.sources.pickled import read_pickled
from convert.sources.safetensors import read_safetensors
from convert.sources.source import InputFile
from tests.folders import (
    config_of,
    hf_tensors,
    meta_tensors,
    safetensors,
    state_pickle,
    tensor_pickle,
    torch_zip,
    write_hf,
    write_meta,
)
from tests.tiny_model import random_weights, tiny_config

CASES = int(os.environ.get("FUZZ_CASES", "300"))
C = tiny_config(dim=16, hidden_dim=16, n_layers=1, n_heads=2, n_kv_heads=2, vocab_size=8)
W = random_weights(C, 0)
HF, META = hf_tensors(C, W), meta_tensors(C, W)

NUMBERS: list[Any] = [0, 1, -1, 2, 8, 16, 255, 2**31, 2**62, 2**64, 10**24, 0.5, -0.0, 1e300]
VALUES: list[Any] = [*NUMBERS, None, True, "", "x", "\ud800", "../x", [], [[]], {}, {"a": {}}]
BYTES = [0, 1, 2, 0x28, 0x29, 0x2E, 0x51, 0x52, 0x63, 0x6A, 0x71, 0x75, 0x7D, 0x7F, 0x80, 0xFF]


def damaged(rng: np.random.Generator, raw: bytes) -> bytes:
    """The same bytes with a few of them changed, put in, cut out or moved."""
    data = bytearray(raw)
    for _ in range(int(rng.integers(1, 5))):
        at, n = int(rng.integers(0, len(data) + 1)), int(rng.integers(1, 9))
        kind = rng.integers(0, 5)
        if kind == 0:
            data[at : at + 1] = bytes([int(rng.choice(BYTES))])
        elif kind == 1:
            data[at : at + n] = rng.bytes(n)
        elif kind == 2:
            del data[at : at + n]
        elif kind == 3:
            start = int(rng.integers(0, len(data) + 1))
            data[at:at] = data[start : start + 4 * n]
        else:
            data[at : at + n] = b"\xff" * n
        data = data or bytearray(1)
    return bytes(data)


def changed(rng: np.random.Generator, value: Any) -> Any:
    """The same JSON with one value of it, at any depth, replaced or removed."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        copy = dict(value)
        key = list(copy)[int(rng.integers(0, len(copy)))]
        if rng.random() < 0.1:
            del copy[key]
        else:
            copy[key] = changed(rng, copy[key])
        return copy
    if isinstance(value, list) and value and rng.random() < 0.9:
        at = int(rng.integers(0, len(value)))
        return [*value[:at], changed(rng, value[at]), *value[at + 1 :]]
    return VALUES[int(rng.integers(0, len(VALUES)))]


def opens_or_refuses(path: Path) -> bool:
    with contextlib.suppress(ConvertError), open_source(path) as source:
        for name, tensor in source.shape.tensors.items():
            source.rows(name, 0, 0, tensor.rows)
        return True
    return False


def rng_of(case: int) -> np.random.Generator:
    return np.random.default_rng([12, case])


def test_headers_of_safetensors(tmp_path: Path) -> None:
    good = safetensors(HF, "BF16")
    n = 8 + int.from_bytes(good[:8], "little")
    header, path, read = json.loads(good[8:n]), tmp_path / "x", 0
    for case in range(CASES):
        rng = rng_of(case)
        if case % 2:
            text = json.dumps(changed(rng, header)).encode()
            path.write_bytes(len(text).to_bytes(8, "little") + text + good[n:])
        else:
            path.write_bytes(damaged(rng, good[:n]) + good[n:])
        file = InputFile(path)
        with contextlib.suppress(ConvertError):
            for tensor in read_safetensors(file).values():
                assert 0 <= tensor.at <= file.size
                if tensor.dtype in ("F32", "F16", "BF16"):
                    assert tensor.at + tensor.n_bytes <= file.size
            read += 1
        file.close()
    assert 0 < read < CASES


@pytest.mark.parametrize("kind", ["config", "index", "params"])
def test_json(tmp_path: Path, kind: str) -> None:
    if kind == "params":
        folder = write_meta(tmp_path / "f", C, W, 2)
        path = folder / "params.json"
    else:
        rope = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}
        config = config_of(C, "smollm3", rope_scaling=rope, sliding_window=None)
        config |= {"no_rope_layers": [1], "layer_types": ["full_attention"], "bias": False}
        folder = write_hf(tmp_path / "f", config, HF, shards=3)
        path = folder / ("config.json" if kind == "config" else "model.safetensors.index.json")
    good, opened = path.read_bytes(), 0
    for case in range(CASES):
        rng = rng_of(case)
        if case % 4:
            path.write_text(json.dumps(changed(rng, json.loads(good))))
        else:
            path.write_bytes(damaged(rng, good))
        opened += opens_or_refuses(folder)
    assert 0 < opened < CASES


def test_pickles(tmp_path: Path) -> None:
    shapes = {name: values.shape for name, values in META.items()}
    items = {
        name: tensor_pickle(str(i), shape, "HalfStorage", int(np.prod(shape)))
        for i, (name, shape) in enumerate(shapes.items())
    }
    storages = [bytes(2 * int(np.prod(shape))) for shape in shapes.values()]
    good, read = state_pickle(items), 0
    for case in range(CASES):
        path = torch_zip(tmp_path / "x", damaged(rng_of(case), good), storages)
        read += reads_or_refuses(path)
    assert 0 < read < CASES


def test_zips(tmp_path: Path) -> None:
    one = {"a": tensor_pickle("0", (2, 3), "FloatStorage", 6)}
    path = torch_zip(tmp_path / "x", state_pickle(one), [bytes(24)])
    good, read = path.read_bytes(), 0
    for case in range(CASES):
        path.write_bytes(damaged(rng_of(case), good))
        read += reads_or_refuses(path)
    assert 0 < read < CASES


def reads_or_refuses(path: Path) -> bool:
    file = InputFile(path)
    try:
        for tensor in read_pickled(file).values():
            if tensor.dtype in ("F32", "F16", "BF16"):
                assert 0 <= tensor.at <= tensor.at + tensor.n_bytes <= file.size
        return True
    except ConvertError:
        return False
    finally:
        file.close()
