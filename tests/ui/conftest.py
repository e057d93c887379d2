"""A tiny model for the faces that are run as a program."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.pipeline import convert
from tests.test_cli import write_tokenizer
from tests.tiny_model import random_weights, tiny_config, write_v0

CONFIG = tiny_config(vocab_size=300, seq_len=128)


@pytest.fixture
def stem(tmp_path: Path) -> str:
    write_tokenizer(tmp_path / "tokenizer.bin")
    source = write_v0(tmp_path / "m.bin", CONFIG, random_weights(CONFIG, 3))
    convert(source, tmp_path / "m.ncnn", weights="fp32")
    return str(tmp_path / "m.ncnn")
