"""A tiny checkpoint, and what it is converted to."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.pipeline import convert
from tests.program import CONFIG, write_tokenizer
from tests.tiny_model import random_weights, write_v0


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    write_tokenizer(tmp_path / "tokenizer.bin")
    return write_v0(tmp_path / "m.bin", CONFIG, random_weights(CONFIG, 3))


@pytest.fixture
def stem(checkpoint: Path) -> Path:
    convert(checkpoint, checkpoint.with_name("m.ncnn"), weights="fp32")
    return checkpoint.with_name("m.ncnn")
