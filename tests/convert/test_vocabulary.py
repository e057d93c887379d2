"""The tokenizer beside a source is found, and goes along with the model."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from convert.errors import ConvertError
from convert.pipeline import convert
from convert.vocabulary import tokenizer_beside
from tests.tiny_model import random_weights, tiny_config, write_v0


def test_the_tokenizer_beside_a_checkpoint_goes_along(tmp_path: Path) -> None:
    c = tiny_config()
    path = write_v0(tmp_path / "m.bin", c, random_weights(c, 0))
    assert tokenizer_beside(path) is None
    for name in ("tokenizer.bin", "m.tokenizer.bin"):  # the second is nearer
        (tmp_path / name).write_text(name)
        assert tokenizer_beside(path) == tmp_path / name
        convert(path, tmp_path / "out")
        assert (tmp_path / "out.tokenizer.bin").read_text() == name
    (tmp_path / "mine").write_text("mine")
    convert(path, tmp_path / "out", tokenizer=tmp_path / "mine")
    assert (tmp_path / "out.tokenizer.bin").read_text() == "mine"
    convert(path, tmp_path / "out", tokenizer=tmp_path / "out.tokenizer.bin")
    assert (tmp_path / "out.tokenizer.bin").read_text() == "mine"


def test_a_tokenizer_that_is_no_file_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    c = tiny_config()
    path = write_v0(tmp_path / "m.bin", c, random_weights(c, 0))
    os.mkfifo(tmp_path / "pipe")
    for tokenizer, word in (("absent", "No such file"), ("pipe", "not a regular file")):
        with pytest.raises(ConvertError, match=word):
            convert(path, tmp_path / "out", tokenizer=tmp_path / tokenizer)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.bin", "pipe"]
