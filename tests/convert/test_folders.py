"""The command on folders: converting, inspecting, and what their tokenizer is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from convert.__main__ import main
from convert.desc import read_desc
from convert.inspect import inspect
from tests.convert.said import error_of
from tests.folders import config_of, hf_tensors, write_hf, write_meta
from tests.tiny_model import random_weights, tiny_config

C = tiny_config(qk_norm=True, qkv_bias=True, no_rope_interval=2)


def folder_of(tmp_path: Path) -> Path:
    rope = {"rope_type": "dynamic", "factor": 2.0}
    config = config_of(C, "smollm3", no_rope_layers=[1, 0], rope_scaling=rope)
    return write_hf(tmp_path / "hf", config, hf_tensors(C, random_weights(C, 0)), "BF16", 2)


@pytest.mark.parametrize("end", ["", "/"])
def test_a_folder_converts_to_q8_and_is_as_large_as_its_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], end: str
) -> None:
    folder = folder_of(tmp_path)
    (tmp_path / "tokenizer.bin").write_bytes(b"another's")
    assert main([f"{folder}{end}", str(tmp_path / "out")]) == 0
    assert "out.{param,bin,desc}: q8" in capsys.readouterr().err
    d = read_desc(tmp_path / "out")
    assert (d.weights, d.shape.qk_norm, d.shape.no_rope_interval) == ("q8", True, 2)
    report = inspect(folder)
    assert report.size == sum(p.stat().st_size for p in folder.glob("*.safetensors"))
    assert report.tokenizer is None
    (folder / "tokenizer.bin").write_bytes(b"its own")
    assert main(["--quiet", str(folder), str(tmp_path / "out")]) == 0
    assert (tmp_path / "out.tokenizer.bin").read_bytes() == b"its own"


def test_a_folder_is_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_of(tmp_path)
    assert main([str(folder), str(tmp_path / "hf"), "--quiet"]) == 0  # a model of the same name
    assert main(["--inspect", str(folder)]) == 0
    text = capsys.readouterr().out
    for words in (
        "Hugging Face smollm3 (bfloat16)",
        "RoPE rule   dynamic by 2, fixed at the length of the context",
        "no RoPE     in layer 2 and its multiples",
        "biases      q, k, v\n",
        "head norms  q, k\n",
        "context     64 tokens",
    ):
        assert words in text
    assert main(["--inspect", "--json", str(folder)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["rope_rule"], told["qkv_bias"]) == ("checkpoint", "dynamic", True)


def test_a_folder_of_nothing_known_is_exit_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    c = tiny_config()
    folder = write_meta(tmp_path / "meta", c, random_weights(c, 0), 2)
    assert main(["--quiet", str(folder), str(tmp_path / "out")]) == 0
    (folder / "params.json").unlink()
    assert main(["--inspect", str(folder)]) == 3
    assert "a folder without config.json or params.json; name one from" in error_of(capsys)
