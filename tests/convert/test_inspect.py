"""What ``--inspect`` says of checkpoints and models, in numbers that a conversion confirms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from convert.__main__ import main
from convert.format_names import FORMAT_NAMES
from convert.inspect import human_bytes, inspect
from convert.known_shapes import SHAPES
from convert.pipeline import convert
from convert.stem import SUFFIXES, file_of
from tests.convert.said import error_of
from tests.tiny_model import random_weights, tiny_config, write_v0, write_v1, write_v2


@pytest.mark.parametrize("version", [0, 1, 2])
def test_a_checkpoint_is_described(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], version: int
) -> None:
    c = tiny_config(tied=False)
    w = random_weights(c, 0)
    path = tmp_path / "m.bin"
    if version == 2:
        write_v2(path, c, w, 32)
    else:
        (write_v0, write_v1)[version](path, c, w)
    assert main(["--inspect", "--json", str(path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["kind"] == "checkpoint"
    assert told["size"] == path.stat().st_size
    assert told["parameters"] == sum(values.size for values in w.values())
    numbers = 2 * c.n_layers * c.kv_dim * c.seq_len
    assert told["kv_cache"] == 2 * numbers  # of the default format, in 16 bits
    assert (told["dim"], told["n_kv_heads"], told["tied"]) == (64, 2, False)
    assert [x["weights"] for x in told["conversions"]] == list(FORMAT_NAMES)
    assert told["default"] == convert(path, tmp_path / "out").weights == "q8"
    for x in told["conversions"]:
        d = convert(path, tmp_path / "out", weights=x["weights"])
        assert (x["disk"], x["block"]) == (d.bin_size, d.block)
        assert x["memory"] >= d.weights_size
        assert x["total"] == x["memory"] + numbers * (2 if x["weights"] in ("q8", "q4") else 4)
    assert main(["--inspect", str(path)]) == 0
    text = capsys.readouterr().out
    words = (f"v{version}", "b4 in blocks of", "classifier separate", "32 tokens", "10000")
    for word in (*words, "q8 in blocks of 32, the default"):
        assert word in text


def test_a_mixture_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    c = tiny_config(n_kv_heads=1)  # its wv is a 43rd of it
    path = write_v0(tmp_path / "m.bin", c, random_weights(c, 0))
    assert main(["--inspect", "--json", str(path)]) == 0
    told = json.loads(capsys.readouterr().out)["conversions"]
    assert {x["weights"]: x["eight_bits"] for x in told if x["eight_bits"]} == {"q4": "wv:0-1"}
    convert(path, tmp_path / "out", weights="q4")
    assert main(["--inspect", str(tmp_path / "out")]) == 0
    assert "  in 8 bits   wv:0-1\n" in capsys.readouterr().out


def test_a_model_is_described_by_any_of_its_names(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--quiet", "--weights", "b6", str(checkpoint), str(tmp_path / "out")]) == 0
    for suffix in ("", *SUFFIXES):
        assert main(["--inspect", "--verify", str(tmp_path / f"out{suffix}")]) == 0
        text = capsys.readouterr().out
        assert "ncnn b6 in blocks of 64" in text
        assert "llama2.c v0" in text
        assert "match" in text
    report = inspect(tmp_path / "out")
    assert report.kind == "model"
    assert not report.verified
    assert report.shape.dim == 64


def test_a_damaged_model_is_exit_3(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--quiet", str(checkpoint), str(tmp_path / "out")]) == 0
    path = file_of(tmp_path / "out", ".bin")
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    assert main(["--inspect", str(tmp_path / "out")]) == 0
    capsys.readouterr()
    assert main(["--inspect", "--verify", str(tmp_path / "out")]) == 3
    assert "SHA-256" in error_of(capsys)
    file_of(tmp_path / "out", ".desc").unlink()
    assert main(["--inspect", str(tmp_path / "out.param")]) == 3
    assert "out.desc: can't open" in error_of(capsys)
    assert main(["--inspect", "--verify", str(checkpoint)]) == 3
    assert "no checksums" in error_of(capsys)


def test_an_old_model_of_the_original_program_is_told_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "7b.ncnn.desc").write_text("256\n6\n288\n6\n")
    assert main(["--inspect", str(tmp_path / "7b.ncnn")]) == 3
    assert "convert the checkpoint again" in error_of(capsys)


@pytest.mark.parametrize("name", list(SHAPES))
def test_published_parameter_counts(name: str) -> None:
    # As their model cards give them.
    published = {"7b": 6_738_415_616, "1.1b": 1_100_048_384, "110m": 109_529_856, "15m": 15_191_712}
    assert SHAPES[name].n_parameters == published[name]


def test_sizes_are_written_in_three_digits() -> None:
    sizes = {0: "0 bytes", 999: "999 bytes", 1000: "1.00 kB", 12_345: "12.3 kB"}
    sizes |= {
        999_499: "999 kB",
        999_600: "1.00 MB",
        6_738_000_000: "6.74 GB",
        2 * 10**12: "2.00 TB",
    }
    for n, text in sizes.items():
        assert human_bytes(n) == text
