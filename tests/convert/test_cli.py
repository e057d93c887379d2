"""The command: exit codes, one clear line per error, what goes where, and how it stops."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from convert.__main__ import main
from convert.desc import read_desc
from convert.errors import ConvertError
from convert.format_names import FORMAT_NAMES, PANEL_FORMATS
from tests.convert.said import error_of
from tests.tiny_model import header_v0, random_weights, tiny_config, write_v0, write_v2

ROOT = Path(__file__).parents[2]


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


# Converting


def test_a_conversion_tells_what_it_wrote(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tokenizer.bin").write_bytes(b"words")
    assert main([str(checkpoint), str(tmp_path / "out.ncnn")]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    *progress, summary = captured.err.splitlines()
    assert progress[-1].startswith("100%")
    assert len(progress) <= 10
    assert re.search(r"^wrote .*out\.ncnn\.\{tokenizer\.bin,param,bin,desc\}: q8 in .*B/s", summary)
    assert read_desc(tmp_path / "out.ncnn").weights == "q8"


def test_quiet_is_silent(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--quiet", str(checkpoint), str(tmp_path / "out")]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", ["", ".bin", ".param", ".desc"])
def test_a_file_name_means_its_stem(checkpoint: Path, tmp_path: Path, suffix: str) -> None:
    assert main(["--quiet", str(checkpoint), str(tmp_path / f"out{suffix}")]) == 0
    assert names(tmp_path) == ["m.bin", "out.bin", "out.desc", "out.param"]


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_weights_and_block_are_what_was_asked_for(
    checkpoint: Path, tmp_path: Path, name: str
) -> None:
    block = ["--block", "128"] if name.startswith("b") else []
    args = ["--quiet", "--weights", name, *block, str(checkpoint), str(tmp_path / "out")]
    assert main(args) == 0
    d = read_desc(tmp_path / "out")
    want = 128 if block else 32 if name in PANEL_FORMATS else 0
    assert (d.weights, d.block) == (name, want)


def test_a_quantised_checkpoint_stays_in_its_blocks(tmp_path: Path) -> None:
    c = tiny_config()
    path = write_v2(tmp_path / "m.bin", c, random_weights(c, 0), 32)
    assert main(["--quiet", str(path), str(tmp_path / "out")]) == 0
    assert (read_desc(tmp_path / "out").weights, read_desc(tmp_path / "out").block) == ("q8", 32)


def test_a_tokenizer_is_copied(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "words").write_bytes(b"words")
    args = ["--quiet", "--tokenizer", str(tmp_path / "words"), str(checkpoint)]
    assert main([*args, str(tmp_path / "out")]) == 0
    assert (tmp_path / "out.tokenizer.bin").read_bytes() == b"words"


# Refusing


@pytest.mark.parametrize(
    ("args", "word"),
    [
        ([], "MODEL"),
        (["m.bin"], "STEM is missing"),
        (["m.bin", "out", "more"], "more"),
        (["m.bin", "out/"], "names a folder"),
        (["m.bin", "."], "names a folder"),
        (["m.bin", ""], "names a folder"),
        (["m.bin", "out", "--weights", "q5"], "q5"),
        (["m.bin", "out", "--weights", "b8", "--block", "48"], "48"),
        (["m.bin", "out", "--block", "32"], "--block goes with"),
        (["m.bin", "out", "--json"], "--json goes with --inspect or --report"),
        (["m.bin", "out", "--text", "t"], "--text goes with --report"),
        (["m.bin", "out", "--weights", "q8,q4"], "in one format"),
        (["m.bin", "--report", "--weights", "q8,q5"], "'q5' isn't one of q8"),
        (["m.bin", "out", "--report"], "--report takes one MODEL"),
        (["m.bin", "--report", "--block", "32"], "--block doesn't go with --report"),
        (["m.bin", "--report", "--tokens", "7"], "8 or more"),
        (["m.bin", "--report", "--inspect"], "--report doesn't go with --inspect"),
        (["m.bin", "out", "--verify"], "--verify goes with --inspect"),
        (["m.bin", "out", "--inspect"], "one MODEL"),
        (["m.bin", "--inspect", "--weights", "b8"], "--weights doesn't go"),
        (["m.bin", "out", "--nonsense"], "--nonsense"),
    ],
)
def test_wrong_usage_is_exit_2(
    capsys: pytest.CaptureFixture[str], args: list[str], word: str
) -> None:
    assert main(args) == 2
    message = error_of(capsys)
    assert word in message
    assert message.endswith("(--help shows the usage)")


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version_go_to_stdout(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    assert main([flag]) == 0
    captured = capsys.readouterr()
    assert "llama2ncnn-convert" in captured.out
    assert captured.err == ""


def hostile_files(folder: Path) -> dict[str, str]:
    """File names, and what the error about each must say."""
    c = tiny_config()
    good = write_v0(folder / "good", c, random_weights(c, 0)).read_bytes()

    def put(name: str, raw: bytes) -> None:
        (folder / name).write_bytes(raw)

    put("empty", b"")
    put("short", good[:27])
    put("header-only", good[:28])
    put("truncated", good[:-1])
    put("long", good + b"\0")
    put("zero-dim", struct.pack("<i", 0) + good[4:])
    put("negative", good[:8] + struct.pack("<i", -2) + good[12:])
    put("huge", struct.pack("<7i", *[2**31 - 1] * 7))
    put("largest", struct.pack("<7i", 1 << 17, 1 << 20, 4096, 4096, 4096, 1 << 24, 1 << 24))
    put("indivisible", header_v0(tiny_config(dim=66)))
    put("odd-head", header_v0(tiny_config(dim=60)))
    put("version-3", struct.pack("<Ii", 0x616B3432, 3) + bytes(248))
    put("text", b"This is a text and not a model, as anyone can see.\n" * 9)
    put("nan", good[:400] + struct.pack("<f", float("nan")) + good[404:])
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "good").unlink()
    size = len(good)
    return {
        "empty": "an empty file (0 bytes)",
        "short": "27 bytes, shorter than any header (28)",
        "header-only": f"wants {size:,} bytes, the file has 28",
        "truncated": f"truncated: .* wants {size:,} bytes, the file has {size - 1:,}",
        "long": f"too long: .* wants {size:,} bytes, the file has {size + 1:,}",
        "zero-dim": "dim = 0",
        "negative": "n_layers = -2",
        "huge": "dim = 2147483647",
        "largest": "truncated",
        "indivisible": "dim 66 isn't a multiple of n_heads 4",
        "odd-head": "head_dim 15 is odd",
        "version-3": "version 3",
        "text": "a text, not a model",
        "nan": "embedding of layer 0: a weight is not a finite number",
        "folder": "a folder without config.json or params.json",
        "pipe": "not a regular file",
        "loop": "symbolic links",
        "absent": "No such file",
        "nul\0in-name": "not a file name",
        "x" * 300: "too long",
    }


def test_every_hostile_input_is_one_line_and_exit_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile, out = tmp_path / "in", tmp_path / "out"
    hostile.mkdir()
    out.mkdir()
    for name, words in hostile_files(hostile).items():
        assert main(["--quiet", str(hostile / name), str(out / "m")]) == 3, name
        message = error_of(capsys)
        assert re.search(words.replace("(", r"\(").replace(")", r"\)").replace("?", r"\?"), message)
        assert names(out) == []
        if name != "nan":  # --inspect reads no weights
            assert main(["--inspect", str(hostile / name)]) == 3, name
            error_of(capsys)


def test_what_cannot_be_written_is_exit_1(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = checkpoint.read_bytes()
    (tmp_path / "taken.desc").mkdir()
    for stem, word in (
        ("m", "is the input itself"),
        ("absent/m", "No such file"),
        ("taken", "Is a directory"),
        ("x" * 300, "too long"),
        ("a\0b", "not a file name"),
    ):
        assert main(["--quiet", str(checkpoint), str(tmp_path / stem)]) == 1, stem
        assert word in error_of(capsys)
    assert checkpoint.read_bytes() == raw
    assert names(tmp_path) == ["m.bin", "taken.desc"]


def test_a_full_disk_is_exit_1_and_the_old_model_stands(checkpoint: Path, tmp_path: Path) -> None:
    assert main(["--quiet", str(checkpoint), str(tmp_path / "out")]) == 0
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    limited = (
        "import resource, sys; from convert.__main__ import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000)); sys.exit(main())"
    )
    args = ["--quiet", "--weights", "fp32", str(checkpoint), str(tmp_path / "out")]
    run = subprocess.run(
        [sys.executable, "-c", limited, *args], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 1
    assert "can't write: File too large; what stood there is untouched" in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


def test_errors_are_of_one_family() -> None:
    assert ConvertError("what", "do this").message == "what"
    assert str(ConvertError("what", "do this")) == "what; do this"
