"""What a person states holds in the trials that a model is measured by, as in what comes of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from convert.__main__ import main
from convert.formats.codec import Float32
from convert.stated import NOTHING_STATED, OTHER_ORDER, Stated
from convert.stem import file_of
from llama2ncnn_chat.quality.calibration import calibrate
from llama2ncnn_chat.quality.texts import OWN_TEXT
from tests.heads import in_halves, write_in_halves
from tests.program import write_tokenizer
from tests.tiny_model import random_weights, tiny_config, write_v0, write_v1

CONFIG = tiny_config(vocab_size=300, seq_len=64)
THETA = 50.0


@pytest.fixture
def says(tmp_path: Path) -> Path:
    """A checkpoint that says its theta."""
    write_tokenizer(tmp_path / "tokenizer.bin", CONFIG.vocab_size)
    return write_v0(tmp_path / "says.bin", CONFIG, random_weights(CONFIG, 1), theta=THETA)


@pytest.fixture
def keeps_silent(says: Path) -> Path:
    """The same without a word on theta."""
    return write_v1(says.with_name("silent.bin"), CONFIG, random_weights(CONFIG, 1))


@pytest.mark.parametrize("how", [("--calibrate",), ("--target-bits", "6.5")])
def test_a_trial_is_of_the_model_that_is_stated(
    says: Path,
    keeps_silent: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    how: tuple[str, ...],
) -> None:
    pytest.importorskip("llvmlite")

    def made(source: Path, *stated: str) -> tuple[bytes, list[str]]:
        assert main([str(source), str(tmp_path / "out"), *how, *stated]) == 0
        found = [line for line in capsys.readouterr().err.splitlines() if "KL" in line]
        return file_of(tmp_path / "out", ".bin").read_bytes(), found

    assert made(keeps_silent, "--rope-theta", str(THETA)) == made(says)
    assert made(keeps_silent) != made(says)


@pytest.mark.parametrize("stated", [Stated(rope_order="halves"), Stated(norm_eps=0.5)])
def test_what_columns_meet_is_of_the_model_that_is_stated(says: Path, stated: Stated) -> None:
    w = random_weights(CONFIG, 1)
    other = write_v0(says.with_name("other.bin"), CONFIG, in_halves(w, CONFIG), theta=THETA)

    def met(path: Path, stated: Stated) -> Float32:
        return calibrate(path, OWN_TEXT, None, says.parent, stated=stated)["w2", 1]

    usual, found = met(says, NOTHING_STATED), met(other, stated)
    is_the_same = stated.rope_order == "halves"
    assert np.allclose(found, usual, rtol=0, atol=0.02 * usual.max()) == is_the_same
    assert not np.allclose(met(other, NOTHING_STATED), usual, rtol=0, atol=0.02 * usual.max())


def test_a_report_is_of_the_model_that_is_stated(
    says: Path, keeps_silent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def perplexity(source: Path, *stated: str) -> float:
        text = ("--text", str(OWN_TEXT), "--tokens", "60", "--weights", "fp32")
        assert main(["--quiet", "--report", "--json", str(source), *text, *stated]) == 0
        [row] = json.loads(capsys.readouterr().out)["rows"]
        return float(row["measured"]["fidelity"]["perplexity"])

    usual = perplexity(says)
    assert perplexity(keeps_silent, "--rope-theta", str(THETA)) == usual
    assert perplexity(keeps_silent) != usual
    assert perplexity(keeps_silent, "--rope-theta", str(THETA), "--norm-eps", "0.5") != usual


def test_a_report_finds_the_order_out(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(shared_data / "tok512.bin", tmp_path / "tokenizer.bin")
    path = write_in_halves(tmp_path / "halves.bin", shared_data / "stories260K.bin")
    flags = ["--quiet", "--report", str(path), "--tokens", "60", "--weights", "fp32"]
    assert main(flags) == 0
    assert OTHER_ORDER in " ".join(capsys.readouterr().out.split())
    assert main([*flags, "--rope-order", "halves"]) == 0
    assert OTHER_ORDER not in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("how", [(), ("--calibrate",), ("--target-bits", "6.5"), ("--report",)])
def test_what_can_not_be_is_refused_before_anything_is_made(
    says: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], how: tuple[str, ...]
) -> None:
    stem = [] if "--report" in how else [str(tmp_path / "out")]
    before = sorted(tmp_path.iterdir())
    assert main([str(says), *stem, *how, "--norm-eps", "2"]) == 3
    assert "norm_eps is 2.0" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before
