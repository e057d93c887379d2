"""A tiny model for the faces that are run as a program."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.pipeline import convert
from tests.test_cli import write_tokenizer
from tests.tiny_model import random_weights, tiny_config, write_v0

CONFIG = tiny_config(vocab_size=300, seq_len=128)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A checkpoint that isn't converted yet, in a folder of its own."""
    (tmp_path / "raw").mkdir()
    write_tokenizer(tmp_path / "raw" / "tokenizer.bin")
    return write_v0(tmp_path / "raw" / "m.bin", CONFIG, random_weights(CONFIG, 3))


@pytest.fixture
def stem(tmp_path: Path, raw: Path) -> str:
    convert(raw, tmp_path / "m.ncnn", weights="fp32")
    write_tokenizer(tmp_path / "tokenizer.bin")
    return str(tmp_path / "m.ncnn")
