"""What every reader shares: files read at any place, and samples of them for a fingerprint."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from convert.errors import ConvertError
from convert.sources import open_source
from convert.sources.source import InputFile, sampled_sha256
from tests.tiny_model import random_weights, tiny_config, write_v0, write_v1


def samples(raw: bytes) -> bytes:
    """64 pieces of 4096 bytes, evenly from the first to the last; all of a small file, 64 times."""
    last = max(0, len(raw) - 4096)
    return b"".join(raw[last * i // 63 :][:4096] for i in range(64))


def test_samples_cover_all_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    raws = [rng.bytes(n) for n in (1_000_000, 100, 4096)]
    files = []
    for i, raw in enumerate(raws):
        (tmp_path / f"{i}").write_bytes(raw)
        files.append(InputFile(tmp_path / f"{i}"))
    assert sampled_sha256(files[:1]) == hashlib.sha256(samples(raws[0])).hexdigest()
    want = hashlib.sha256(b"".join(map(samples, raws))).hexdigest()
    assert sampled_sha256(files) == want
    with (tmp_path / "1").open("r+b") as f:
        f.write(bytes([raws[1][0] ^ 1]))
    assert sampled_sha256(files) != want
    for file in files:
        file.close()


def test_a_read_beyond_the_end_names_the_file_and_what_was_wanted(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"123")
    file = InputFile(tmp_path / "m")
    assert file.read(1, 2, "two").tobytes() == b"23"
    with pytest.raises(ConvertError, match=r"m: the rest wants 3 bytes at 1 and the file has 2"):
        file.read(1, 3, "the rest")
    file.close()


def test_a_source_is_known_by_its_content(tmp_path: Path) -> None:
    c = tiny_config()
    w = random_weights(c, 0)
    for write, name, kind in (
        (write_v0, "a.safetensors", "llama2.c v0 (legacy, float32)"),
        (write_v1, "b.gguf", "llama2.c v1 (float32)"),
    ):
        with open_source(write(tmp_path / name, c, w)) as source:
            assert source.format == kind
            assert source.files == (tmp_path / name,)
            assert source.size == (tmp_path / name).stat().st_size
