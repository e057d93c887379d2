"""A tiny model for the faces that are run as a program, and the terminals of a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from convert.pipeline import convert
from tests.program import write_tokenizer
from tests.tiny_model import random_weights, tiny_config, write_v0

if TYPE_CHECKING:  # without pexpect there are none
    from tests.ui.tui.terminal import Terminal

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


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    """Terminals that are closed when a test is over."""
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.child.close(force=True)
