"""What comes from pipes, files and scripts: read, left alone, waited for or refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.program import ROOT


def run(*args: str, **how: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "llama2ncnn_chat", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, **how)


GREEDY = ("-n", "8", "--temp", "0", "--no-save", "--no-kv-cache")


def test_nothing_in_adds_nothing(stem: str) -> None:
    raw = ("--raw", *GREEDY, "-p", "I dream of")
    plain = run(stem, *raw, stdin=subprocess.DEVNULL)
    assert plain.returncode == 0
    assert run(stem, *raw, input="").stdout == plain.stdout
    assert run(stem, *raw, input="x").stdout != plain.stdout


def test_a_silent_pipe_is_left_alone(stem: str) -> None:
    reading, writing = os.pipe()
    try:
        done = run(stem, *GREEDY, "-p", "hello", stdin=reading)
        assert (done.returncode, done.stderr) == (0, "")
        unread = run(stem, *GREEDY, "--no-stdin", "-p", "hello", input="a lot before it")
        assert unread.stdout == done.stdout
    finally:
        os.close(reading)
        os.close(writing)


def test_a_pipe_without_an_end_is_told_of(stem: str) -> None:
    command = [sys.executable, "-m", "llama2ncnn_chat", stem, *GREEDY]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        assert "--no-stdin" in process.stderr.readline()
        process.communicate("hello")
        assert process.returncode == 0


@pytest.mark.parametrize("flags", [(), ("--json",), ("-p", "-"), ("--plain",)])
def test_a_closed_standard_input(stem: str, flags: tuple[str, ...]) -> None:
    command = f"{sys.executable} -m llama2ncnn_chat {stem} {' '.join(flags)} <&-"
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, shell=True)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    if "--json" in flags:
        assert json.loads(done.stdout)["error"]["code"] == 2


def test_json_with_nothing_to_answer(stem: str) -> None:
    done = run(stem, "--json", stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert "nothing to answer" in json.loads(done.stdout)["error"]["message"]


def test_a_dash_as_a_file_is_standard_input(stem: str) -> None:
    wanted = run(stem, *GREEDY, "-p", "hello", stdin=subprocess.DEVNULL).stdout
    assert run(stem, *GREEDY, "-f", "-", input="hello").stdout == wanted


PIPED = sorted(Path("/").glob("dev/fd/0")) + sorted(Path("/").glob("proc/self/fd/0"))


@pytest.mark.parametrize("folder", [path.parent for path in PIPED], ids=str)
@pytest.mark.parametrize("flag", ["-f", "--system-file"])
def test_a_pipe_that_a_shell_made_is_read_to_its_end(
    stem: str, flag: str, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("You are a cat")
    given = [stem, *GREEDY, *(() if flag == "-f" else ("-p", "hello")), flag]
    named = run(*given, str(tmp_path / "text"), stdin=subprocess.DEVNULL)
    reading, writing = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-m", "llama2ncnn_chat", *given, str(folder / str(reading))],
        cwd=ROOT,
        text=True,
        pass_fds=[reading],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(reading)
        assert process.stderr
        assert f"reading {folder / str(reading)} to its end" in process.stderr.readline()
        os.write(writing, b"You are a cat")
        os.close(writing)
        out, err = process.communicate()
    assert (process.returncode, out, err) == (0, named.stdout, "")


def test_a_pipe_of_a_shell_without_end_is_refused(stem: str) -> None:
    command = f"{sys.executable} -m llama2ncnn_chat {stem} -f /dev/fd/7 7< <(cat /dev/zero)"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "over 16,777,216 bytes" in done.stderr


def test_standard_input_by_its_path_is_read_once(stem: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    named = run(stem, *GREEDY, "-f", "-", input="hello")
    with (tmp_path / "text").open() as text:
        assert run(stem, *GREEDY, "-f", "/dev/stdin", stdin=text).stdout == named.stdout


def test_marks_and_carriage_returns_reach_no_model(stem: str, tmp_path: Path) -> None:
    wanted = run(stem, *GREEDY, "-p", "one\ntwo", stdin=subprocess.DEVNULL).stdout
    path = tmp_path / "prompt.txt"
    for data in ("\ufeffone\r\ntwo".encode(), "one\rtwo".encode("utf-16")):
        path.write_bytes(data)
        assert run(stem, *GREEDY, "-f", str(path), stdin=subprocess.DEVNULL).stdout == wanted
        with path.open("rb") as file:
            assert run(stem, *GREEDY, stdin=file).stdout == wanted


def test_a_script_that_is_refused_ends_with_1(stem: str) -> None:
    good = run(stem, "--plain", *GREEDY, input="/show\n")
    bad = run(stem, "--plain", *GREEDY, input="/shew\n/show\n")
    assert (good.returncode, bad.returncode) == (0, 1)
    assert "no command /shew" in bad.stderr


def test_what_has_no_effect_is_said(stem: str) -> None:
    done = run(stem, "--raw", "--system", "Be brief.", *GREEDY, "-p", "a", stdin=subprocess.DEVNULL)
    assert "--system has no effect with --raw" in done.stderr
    done = run(stem, "--weights", "q4", *GREEDY, "-p", "a", stdin=subprocess.DEVNULL)
    assert "converted already" in done.stderr


def test_a_byte_that_is_no_text_is_a_sign_for_it(stem: str, tmp_path: Path) -> None:
    strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}  # as in most locales
    done = run(
        *(stem, "--plain", "-n", "1", "--no-save"),
        env=strict,
        input=f"caf\udce9\n/export {tmp_path}/talk.md\n",
        errors="surrogateescape",
    )
    assert done.returncode == 0
    assert "caf\ufffd\n" in (tmp_path / "talk.md").read_text()
