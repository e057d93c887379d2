"""``llama2ncnn-chat bench`` as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llama2ncnn_chat.cli import main


def test_bench_measures(stem: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["bench", str(stem), "-p", "16", "-n", "8", "-d", "0,20", "-r", "2", "-t", "1"]
    assert main([*args, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [r["test"] for r in report["results"]] == ["prefill 16", "decode 8", "decode 8 at 20"]
    assert all(len(r["runs"]) == 2 and min(r["runs"]) > 0 for r in report["results"])
    assert report["read_bandwidth"] > 1e8
    assert main(args) == 0
    assert "of the bandwidth" in capsys.readouterr().out


def test_bench_of_a_made_up_shape(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--shape", "15m", "-p", "8", "-n", "4", "-r", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["weights"] == "q8"


def test_bench_wants_room(stem: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", str(stem), "-d", "60", "-n", "8", "-p", "4"]) == 2
    assert "68 tokens" in capsys.readouterr().err
