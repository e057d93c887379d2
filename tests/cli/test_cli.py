"""The command line as a person meets it: exit codes, streams, errors, interrupts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from convert.pipeline import convert
from llama2ncnn_chat.cli import main
from llama2ncnn_chat.errors import ModelError
from tests.program import ROOT, run, write_tokenizer
from tests.tiny_model import random_weights, tiny_config, write_v0


def test_completes_in_the_originals_form(stem: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["complete", str(stem), "hello", "12", "--temp", "0", "--json"]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert err == ""
    assert result["finish_reason"] == "length"
    assert result["timings"]["predicted_n"] == 12
    assert result["timings"]["prompt_n"] == 7  # BOS, the prefix space, five letters
    assert main(["complete", str(stem), "hello", "-n", "12", "--temp", "0"]) == 0
    assert capsys.readouterr().out == result["text"] + "\n"
    assert main([str(stem), "--raw", "-p", "hello", "-n", "12", "--temp", "0"]) == 0
    assert capsys.readouterr().out == result["text"] + "\n"


def test_a_seed_gives_the_same_text(stem: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = []
    for seed in (1, 1, 2):
        main(["complete", str(stem), "a", "40", "--temp", "2", "--seed", str(seed), "--json"])
        texts.append(json.loads(capsys.readouterr().out)["text"])
    assert texts[0] == texts[1] != texts[2]


def test_any_file_of_a_model_names_it(stem: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outs = set()
    for suffix in ("", ".desc", ".param", ".bin", ".tokenizer.bin"):
        assert main(["complete", f"{stem}{suffix}", "a", "5", "--temp", "0"]) == 0
        outs.add(capsys.readouterr().out)
    assert len(outs) == 1


def test_a_raw_checkpoint_is_converted_once_by_content(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "home" / "cache" / "llama2ncnn" / "models"

    def models() -> dict[Path, int]:
        return {p: p.stat().st_mtime_ns for p in cache.glob("*/model.desc")}

    assert main(["complete", str(checkpoint), "a", "3"]) == 0
    first = models()
    assert len(first) == 1
    assert (cache.stat().st_mode & 0o777) == 0o700
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "other.bin").write_bytes(checkpoint.read_bytes())
    (copy / "tokenizer.bin").write_bytes((tmp_path / "tokenizer.bin").read_bytes())
    assert main(["complete", str(copy / "other.bin"), "a", "3"]) == 0
    assert models() == first  # another name, the same content
    assert main(["complete", str(checkpoint), "a", "3", "--weights", "b8"]) == 0
    assert len(models()) == 2  # other options
    raw = bytearray(checkpoint.read_bytes())
    raw[2000] ^= 1
    checkpoint.write_bytes(raw)
    assert main(["complete", str(checkpoint), "a", "3"]) == 0
    assert len(models()) == 3  # other content


def test_keep_model_names_the_conversion(checkpoint: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    assert main(["complete", str(checkpoint), "a", "3", "--keep-model", str(kept)]) == 0
    assert main(["complete", str(kept), "a", "3"]) == 0


def test_an_unwritable_cache_is_said_and_worked_around(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/nowhere")
    assert main(["complete", str(checkpoint), "a", "3"]) == 0
    assert "converting into" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["missing.bin", "a"], 3, "missing.bin: no such model"),
        (["tell me a joke", "a"], 3, "goes after -p: llama2ncnn-chat -p PROMPT"),
        (["two\nlines\x1b[2J.bin", "a"], 3, "error: two lines[2J.bin: no such"),
        (["TOKENIZER", "a"], 3, "tokenizer.bin"),
        (["STEM", "a", "--tokenizer", "missing"], 3, "missing"),
        (["STEM", "a" * 500], 4, "502 tokens and the context of 64 has room for 63"),
        (["STEM", "abc", "--ctx-size", "5"], 4, "context of 5"),
        (["STEM", "a", "--ctx-size", "99999999"], 2, "1 to 16,777,216"),
        (["STEM", "a", "--temp", "-1"], 2, "temperature -1 is out of range"),
        (["STEM", "a", "-p", "b"], 2, "two prompts"),
        (["STEM", "-f", "missing.txt"], 2, "missing.txt: can't open"),
    ],
)
def test_errors_are_one_line_and_a_code(
    stem: Path, args: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"STEM": str(stem), "TOKENIZER": str(stem.with_name("tokenizer.bin"))}
    assert main(["complete", *(places.get(a, a) for a in args)]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("llama2ncnn-chat: error: ")
    assert says in err
    assert err.count("\n") == 1


def test_an_error_in_json_is_json_too(stem: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["complete", "missing.bin", "a", "--json"]) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == 3
    assert "missing.bin" in error["message"]


def test_a_checkpoint_without_a_tokenizer_is_refused_before_converting(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tokenizer.bin").unlink()
    assert main(["complete", str(checkpoint), "a"]) == 3
    assert "--tokenizer" in capsys.readouterr().err
    assert not (tmp_path / "home" / "cache").exists()


def test_the_wrong_tokenizer_is_refused(
    stem: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tokenizer(tmp_path / "other.bin", 310)
    args = ["complete", str(stem), "a", "--tokenizer", str(tmp_path / "other.bin")]
    assert main(args) == 3
    err = capsys.readouterr().err
    assert "310" in err
    assert "300" in err


def test_the_prompt_comes_from_a_file_or_standard_input_or_both(stem: Path, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("one two")
    end = ["-n", 6, "--temp", 0]
    want = run("complete", stem, "one two", *end)
    assert want.returncode == 0, want.stderr
    assert run("complete", stem, "-f", tmp_path / "p.txt", *end).stdout == want.stdout
    assert run("complete", stem, "-", *end, stdin=b"one two").stdout == want.stdout
    assert run("complete", stem, *end, stdin=b"one two").stdout == want.stdout
    both = run("complete", stem, "two", *end, stdin=b"one\n")
    assert both.stdout == run("complete", stem, "one\ntwo", *end).stdout


def test_stdout_is_the_text_alone_and_no_escape_codes(stem: Path) -> None:
    done = run("complete", stem, "hello", "9", "--stats", "--temp", 0)
    assert b"\x1b" not in done.stdout + done.stderr
    assert b"tok/s" in done.stderr
    assert b"tok/s" not in done.stdout


def test_a_closed_pipe_is_no_traceback(stem: Path) -> None:
    command = f"{sys.executable} -m llama2ncnn_chat complete {stem} hello 50 | head -c 0"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True)
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_an_interrupt_ends_the_text_and_gives_130(tmp_path: Path) -> None:
    config = tiny_config(vocab_size=300, seq_len=60000, n_layers=8, dim=128, hidden_dim=512)
    write_tokenizer(tmp_path / "tokenizer.bin")
    source = write_v0(tmp_path / "m.bin", config, random_weights(config, 3))
    convert(source, tmp_path / "m.ncnn")
    process = subprocess.Popen(
        [sys.executable, "-m", "llama2ncnn_chat", "complete", str(tmp_path / "m.ncnn"), "a"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    assert process.stdout.read(1)
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - start < 20
    assert out.endswith(b"\n")
    assert err == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("output", ["> /dev/full", ">&-"])
def test_an_output_that_takes_nothing_is_one_line(stem: Path, output: str) -> None:
    command = f"{sys.executable} -m llama2ncnn_chat complete {stem} hello 5 {output}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True)
    assert done.returncode == 1
    assert re.fullmatch(rb"llama2ncnn-chat: error: standard output.*\n", done.stderr)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--pick", "7b.bin"], "leave out MODEL"),
        (["--pick", "--raw", "-p", "a"], "leave out MODEL and --raw"),
        (["--pick", "-p", "a"], "needs the whole screen"),
        (["--pick", "--plain"], "needs the whole screen"),
    ],
)
def test_a_model_is_picked_on_the_whole_screen_alone(
    args: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(args) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("raise ImportError('libgomp.so.1 is missing')", "libgomp.so.1 is missing"),
        ("__version__ = '1.0.20200101'\nclass Net: ...", "ncnn 1.0.20200101 is too old"),
        ("", "ncnn none is too old"),
    ],
)
def test_an_ncnn_that_is_no_good_is_said_in_a_line(tmp_path: Path, module: str, says: str) -> None:
    (tmp_path / "ncnn.py").write_text(module)
    done = subprocess.run(
        [sys.executable, "-m", "llama2ncnn_chat", "-p", "hi", "--json"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == ModelError.exit_code
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr
    error = json.loads(done.stdout)["error"]
    assert says in error["message"]
    assert "pip install" in error["hint"]
