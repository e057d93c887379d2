"""The report of formats: its figures, what it leaves out and says so, what it refuses, its room."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from convert.__main__ import main
from convert.errors import ConvertError
from convert.format_names import FORMAT_NAMES
from convert.pipeline import convert
from llama2ncnn_chat.quality import machine
from llama2ncnn_chat.quality.measuring import quality_report
from llama2ncnn_chat.quality.report import FormatRow, Measured, Wanted
from tests.convert.said import error_of
from tests.tiny_model import forward, random_weights, tiny_config, write_v0

ROOT = Path(__file__).parents[2]
LETTERS = " abcdefghijklmnopqrstuvwxyz"
CONFIG = tiny_config()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_v0(tmp_path / "m.bin", CONFIG, random_weights(CONFIG, 0))


@pytest.fixture(autouse=True)
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where conversions go; nothing may be left there."""
    folder = tmp_path / "room"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def quiet(_what: str) -> Callable[[int, int], None]:
    return lambda _done, _total: None


def measured(row: FormatRow) -> Measured:
    assert row.measured is not None
    return row.measured


def test_every_format_that_is_not_slow_is_measured(model: Path, room: Path) -> None:
    steps: list[str] = []

    def step(what: str) -> Callable[[int, int], None]:
        steps.append(what)
        assert len(list(room.glob("*/*/*.bin"))) <= 1  # one conversion at a time
        return lambda _done, _total: None

    report = quality_report(model, Wanted(tokens=90), step)
    assert list(room.iterdir()) == []
    assert (report.base, report.text, report.tokens) == ("fp32", None, 3 * 30)
    assert [row.weights for row in report.rows] == list(FORMAT_NAMES)
    rows = {row.weights: row for row in report.rows}
    assert [name for name, row in rows.items() if not row.measured] == ["b6", "b4"]
    assert all("slow" in rows[name].left_out for name in ("b6", "b4"))
    assert {name for name, row in rows.items() if not row.plain} == {"q8", "q4"}
    assert [name for name, row in rows.items() if row.default] == ["q8"]
    kl = {name: measured(row).fidelity.mean_kl for name, row in rows.items() if row.measured}
    assert abs(kl["fp32"]) < 1e-9
    assert 1e-9 < kl["q8"] < kl["q4"] < 0.1
    assert all(measured(rows[name]).decode > 0 and measured(rows[name]).prefill > 0 for name in kl)
    assert steps.index("fp32: converting") < steps.index("q8: comparing")


def test_bits_and_bytes_are_those_of_a_conversion(model: Path, tmp_path: Path) -> None:
    report = quality_report(model, Wanted(("q4", "q8", "fp32"), tokens=8), quiet)
    sizes = [(64, 64), (32, 64), (32, 64), (64, 64), (160, 64), (64, 160), (160, 64)]
    sizes = [(96, 64), *sizes, *sizes]  # the classifier, and two layers
    n = sum(rows * cols for rows, cols in sizes)

    def bits(block: int) -> float:  # of 8 rows; what they take together is padded to 64 bytes
        return 8 * sum(rows // 8 * -(-cols // 32 * block // 64) * 64 for rows, cols in sizes) / n

    found = {row.weights: row.bits for row in report.rows}
    assert found["q8"] == pytest.approx(bits(256 + 16))
    assert found["q4"] == pytest.approx(bits(128 + 32))
    assert found["fp32"] == pytest.approx(32, abs=0.1)
    for row in report.rows:
        d = convert(model, tmp_path / row.weights, weights=row.weights)
        assert row.disk == d.bin_size


def letters(path: Path) -> Path:
    """A tokenizer of llama2.c's that knows single letters, each an id from 259 on."""
    pieces = [b"<unk>", b"<s>", b"</s>", *(b"<0x%02X>" % i for i in range(256))]
    pieces += [bytes([c]) for c in LETTERS.encode()]
    table = [struct.pack("<fi", 0.0, len(piece)) + piece for piece in pieces]
    path.write_bytes(struct.pack("<i", 6) + b"".join(table))
    return path


def test_the_perplexity_of_a_text_is_the_float64_forward_pass_s(tmp_path: Path) -> None:
    c = tiny_config(vocab_size=259 + len(LETTERS))
    w = random_weights(c, 3)
    model = write_v0(tmp_path / "m.bin", c, w)
    text = "once upon a time there was a little girl who had a house" * 3
    (tmp_path / "story.txt").write_text(text)
    wanted = Wanted(("fp32",), tmp_path / "story.txt", 60, letters(tmp_path / "letters"))
    report = quality_report(model, wanted, quiet)
    assert (report.text, report.tokens) == (str(tmp_path / "story.txt"), 60)
    ids = [259 + LETTERS.index(x) for x in f" {text}"]
    loss: list[float] = []
    for start in (0, 29):
        fed = [1, *ids[start : start + 29]]
        logits = forward(c, w, fed)
        loss += list(np.log(np.exp(logits).sum(axis=1))[:-1] - logits[np.arange(29), fed[1:]])
    found = measured(report.rows[0]).fidelity.perplexity
    assert found == pytest.approx(float(np.exp(np.mean(loss))), rel=1e-4)


def test_what_does_not_fit_in_memory_is_left_out_and_q8_is_the_base(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    250 kB\n")
    monkeypatch.setattr(machine, "MEMORY", tmp_path / "meminfo")
    report = quality_report(model, Wanted(tokens=16), quiet)
    rows = {row.weights: row for row in report.rows}
    assert report.base == "q8"
    assert report.notes == ("too little memory for fp32: compared with q8",)
    assert {name for name, row in rows.items() if "256 kB are" in row.left_out} == {"fp16", "fp32"}
    assert measured(rows["q8"]).fidelity.mean_kl < 1e-9 < measured(rows["q4"]).fidelity.mean_kl
    assert main(["--report", "--quiet", "--tokens", "16", str(model)]) == 0
    out = capsys.readouterr().out
    assert "too little memory for fp32" in out
    assert "fp16: not measured, takes" in out
    assert "KL divergence from q8" in out


def test_the_table_fits_and_marks(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--report", "--tokens", "40", str(model)]) == 0
    captured = capsys.readouterr()
    title, *lines = captured.out.splitlines()
    assert title.startswith(str(model))
    assert max(map(len, lines)) <= 80
    marks = {line.split()[0]: line.split()[1] for line in lines[3:11]}
    found = {name: mark for name, mark in marks.items() if not mark[0].isdigit()}
    assert found == {"q8": "*", **dict.fromkeys(("int8", "b8", "b6", "b4", "fp16", "fp32"), "+")}
    first, second, *_ = captured.err.splitlines()
    assert "up to" in first
    assert second == "fp32: converting"


def test_json_has_the_same_and_stderr_is_quiet(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["--report", "--json", "--quiet", "--weights", "q8,b4", "--tokens", "9", str(model)]
    assert main(args) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    report = json.loads(captured.out)
    assert [row["weights"] for row in report["rows"]] == ["q8", "b4"]
    assert report["rows"][1]["measured"]["fidelity"]["mean_kl"] > 0
    assert report["base"] == "fp32"


def test_what_cannot_be_reported_on_is_one_line(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    convert(model, tmp_path / "out.ncnn", weights="q8")
    (tmp_path / "text").write_text("Once")

    def refused(*args: object, code: int = 3) -> str:
        assert main(["--report", "--quiet", *map(str, args)]) == code
        return error_of(capsys)

    assert "is a converted model" in refused(tmp_path / "out.ncnn")
    assert "no tokenizer to read" in refused(model, "--text", tmp_path / "text")
    assert "No such file" in refused(tmp_path / "absent")
    with pytest.raises(ConvertError, match="no-text: can't open: No such file"):
        quality_report(model, Wanted(text=tmp_path / "no-text"), lambda _: pytest.fail("too late"))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    assert "set TMPDIR" in refused(model, code=1)


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path, model: Path, room: Path) -> None:
    command = [sys.executable, "-m", "convert", "--report", "--tokens", "200000", str(model)]
    environment = {**os.environ, "TMPDIR": str(room)}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while not list(room.glob("*/*/*.desc")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == b""
    assert b"stopped by SIGINT" in err
    assert b"Traceback" not in err
    assert list(room.iterdir()) == []
