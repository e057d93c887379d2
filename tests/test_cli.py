"""The command line as a person meets it: exit codes, streams, errors, interrupts."""

from __future__ import annotations

import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from convert.__main__ import main as convert_main
from convert.pipeline import convert
from convert.sources.llama2c import Llama2cCheckpoint
from convert.stated import NOTHING_STATED, Stated
from llama2ncnn_chat.catalogue.find import Conversion, FoundModel, find_model
from llama2ncnn_chat.cli import main
from llama2ncnn_chat.errors import ModelError
from llama2ncnn_chat.text.tokenizers.open import open_tokenizer
from tests.tiny_model import forward, random_weights, shapes, tiny_config, write_v0

ROOT = Path(__file__).resolve().parents[1]
CONFIG = tiny_config(vocab_size=300, seq_len=64)


def write_tokenizer(path: Path, vocab_size: int = CONFIG.vocab_size) -> None:
    """A ``tokenizer.bin`` of control tokens, bytes, ASCII and made-up pieces."""
    pieces = [b"<unk>", b"\n<s>\n", b"\n</s>\n", *(b"<0x%02X>" % i for i in range(256))]
    pieces += [b" ", *(bytes([c]) for c in range(97, 123))]
    pieces += [b"z" * (i + 2) for i in range(vocab_size - len(pieces))]
    entries = b"".join(struct.pack("<fi", -i, len(p)) + p for i, p in enumerate(pieces))
    path.write_bytes(struct.pack("<i", max(map(len, pieces))) + entries)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    write_tokenizer(tmp_path / "tokenizer.bin")
    return write_v0(tmp_path / "m.bin", CONFIG, random_weights(CONFIG, 3))


@pytest.fixture
def stem(checkpoint: Path) -> Path:
    convert(checkpoint, checkpoint.with_name("m.ncnn"), weights="fp32")
    return checkpoint.with_name("m.ncnn")


def run(*args: object, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "llama2ncnn_chat", *map(str, args)]
    if stdin is None:
        return subprocess.run(command, cwd=ROOT, capture_output=True, stdin=subprocess.DEVNULL)
    return subprocess.run(command, cwd=ROOT, capture_output=True, input=stdin)


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


def test_stories_are_what_llama2c_prints(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    convert(
        shared_data / "stories260K.bin",
        tmp_path / "s",
        weights="fp32",
        tokenizer=shared_data / "tok512.bin",
    )
    cases = json.loads((shared_data / "stories260K.golden.json").read_text())["cases"]
    for case in cases:
        n = len(case["ids"]) - len(case["prompt_ids"])
        args = ["complete", str(tmp_path / "s"), case["prompt"], str(n), "--temp", "0"]
        assert main(args) == 0
        assert case["prompt"] + capsys.readouterr().out.removesuffix("\n") == case["text"]


def test_rows_without_a_token_are_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tokenizer(tmp_path / "tokenizer.bin", CONFIG.vocab_size - 1)
    source = write_v0(tmp_path / "m.bin", CONFIG, random_weights(CONFIG, 3))
    n = CONFIG.vocab_size
    said = f"the model has {n} rows and its tokenizer {n - 1} tokens: the other 1 are never sampled"
    assert main(["complete", str(source), "a", "3"]) == 0
    assert capsys.readouterr().err.count(said) == 1
    assert main([str(source), "-p", "a", "-n", "3"]) == 0
    assert capsys.readouterr().err.count(said) == 1


def test_a_context_beyond_the_models_is_warned_of(
    stem: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = f"a context of {9 * CONFIG.seq_len:,} tokens, where the model's files say"
    args = ["--ctx-size", str(9 * CONFIG.seq_len), "--temp", "0"]
    n = CONFIG.seq_len + 9
    assert main(["complete", str(stem), "a", str(n), *args]) == 0
    assert capsys.readouterr().err.count(said) == 1
    assert main([str(stem), "-p", "a", "-n", "2", *args]) == 0
    assert capsys.readouterr().err.count(said) == 1
    assert main([str(stem), "-p", "a", "-n", "2", "--ctx-size", str(CONFIG.seq_len)]) == 0
    assert "where the model's files say" not in capsys.readouterr().err


def test_what_no_header_says_can_be_stated(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def found(stated: Stated = NOTHING_STATED) -> FoundModel:
        values = {k: v for k, v in asdict(stated).items() if v != asdict(NOTHING_STATED)[k]}
        flags = [word for k, v in values.items() for word in (f"--{k.replace('_', '-')}", f"{v}")]
        args = ["complete", str(checkpoint), "a", "8", "--temp", "0", "--weights", "fp32", *flags]
        assert main(args) == 0
        assert capsys.readouterr().err == ""
        by_flags = sorted(checkpoint.parent.glob("home/cache/llama2ncnn/models/*"))
        found = find_model(str(checkpoint), Conversion("fp32", stated=stated))
        assert sorted(checkpoint.parent.glob("home/cache/llama2ncnn/models/*")) == by_flags
        return found

    said = [
        found(each)
        for each in (
            NOTHING_STATED,
            Stated(rope_theta=5e5),
            Stated(norm_eps=1e-6),
            Stated(rope_order="halves"),
        )
    ]
    shapes = [each.desc.shape for each in said]
    assert [(s.rope.theta, s.norm_eps, s.rope.interleaved) for s in shapes] == [
        (1e4, 1e-5, True),
        (5e5, 1e-5, True),
        (1e4, 1e-6, True),
        (1e4, 1e-5, False),
    ]
    assert len({each.stem for each in said}) == len(said)
    stem = checkpoint.with_name("stated")
    assert convert_main(["--quiet", "--rope-theta", "1e6", str(checkpoint), str(stem)]) == 0
    assert convert_main(["--inspect", str(stem)]) == 0
    assert "RoPE theta  1e+06" in capsys.readouterr().out
    assert convert_main(["--norm-eps", "2", str(checkpoint), str(stem)]) == 3
    assert "norm_eps is 2.0" in capsys.readouterr().err


def test_a_story_ends_where_llama2c_ends_it(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, tokenizer = shared_data / "stories260K.bin", shared_data / "tok512.bin"
    convert(source, tmp_path / "s", weights="fp32", tokenizer=tokenizer)
    prompt = "Once upon a time"
    args = ["complete", str(tmp_path / "s"), prompt, "511", "--temp", "0", "--json"]
    assert main(args) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["finish_reason"] == "stop"
    config = tiny_config(
        dim=64, hidden_dim=172, n_layers=5, n_heads=8, n_kv_heads=4, vocab_size=512, seq_len=512
    )
    with Llama2cCheckpoint(source) as checkpoint:
        weights = {
            name: np.stack([checkpoint.rows(name, i, 0, t.rows) for i in range(t.layers)])
            for name, t in checkpoint.shape.tensors.items()
        }
    weights = {name: weights[name].reshape(shape) for name, shape in shapes(config).items()}
    vocabulary = open_tokenizer(tokenizer, 512)
    ids = vocabulary.encode(prompt + said["text"])
    best = forward(config, weights, ids).argmax(axis=1)[len(vocabulary.encode(prompt)) - 1 :]
    assert [*best].index(1) == len(best) - 1  # run.c ends at the next text's BOS


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
