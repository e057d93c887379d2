"""A tiny checkpoint for the tests of whole commands, and the environment that ncnn wants."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tiny_model import random_weights, tiny_config, write_v0

# Before anything imports ncnn: its threads spin at every barrier unless told otherwise.
os.environ.setdefault("GOMP_SPINCOUNT", "0")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A v0 checkpoint ``m.bin`` in ``tmp_path``."""
    c = tiny_config()
    return write_v0(tmp_path / "m.bin", c, random_weights(c, 0))
