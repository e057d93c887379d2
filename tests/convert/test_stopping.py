"""The command as a process: signals, terminals, streams that are gone, and its memory."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from convert import interrupts
from convert.__main__ import main
from convert.desc import read_desc
from convert.format_names import FORMAT_NAMES
from convert.shape import ModelShape
from convert.sources.llama2c_export import write_v0 as export_v0
from convert.sources.synthetic import SyntheticCheckpoint
from convert.temporary import is_temporary
from tests.convert.said import read_all
from tests.tiny_model import random_weights, tiny_config, write_v0

COMMAND = [sys.executable, "-m", "convert"]
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "TERM")}


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def full_pipe() -> tuple[int, int]:
    """A pipe that takes not one byte more: whoever writes to it waits."""
    reader, writer = os.pipe()
    flags = fcntl.fcntl(writer, fcntl.F_GETFL)
    fcntl.fcntl(writer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    for size in (4096, 1):
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"." * size)
    fcntl.fcntl(writer, fcntl.F_SETFL, flags)
    return reader, writer


@contextlib.contextmanager
def converting(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The command in the middle of a conversion, and where what it says comes out."""
    shape = ModelShape(256, 512, 4, 4, 4, 64, 4096, 128, tied=True)
    export_v0(SyntheticCheckpoint(shape), folder / "m.bin")
    (folder / "out.desc").write_text("old")
    reader, writer = full_pipe()  # so that it waits at the first line of its progress
    command = [*COMMAND, str(folder / "m.bin"), str(folder / "out")]
    with subprocess.Popen(command, cwd=ROOT, stderr=writer) as process:
        os.close(writer)
        deadline = time.monotonic() + 60
        while not any(is_temporary(name) for name in names(folder)):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.01)
        yield process, reader


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_middle_leaves_nothing_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    with converting(tmp_path) as (process, reader):
        process.send_signal(number)
        stderr = read_all(reader).decode().lstrip(".")
        assert process.wait(60) == 128 + number
    assert f"stopped by {number.name}" in stderr
    assert "Traceback" not in stderr
    assert names(tmp_path) == ["m.bin", "out.desc"]
    assert (tmp_path / "out.desc").read_text() == "old"


def test_what_a_killed_one_left_goes_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with converting(tmp_path) as (process, reader):
        process.kill()
        os.close(reader)
    assert len(names(tmp_path)) == 3
    # Its room is what the next one may need.
    free = shutil.disk_usage(tmp_path)
    usage = lambda _: free if len(names(tmp_path)) == 2 else free._replace(free=0)  # noqa: E731
    monkeypatch.setattr(shutil, "disk_usage", usage)
    assert main([str(tmp_path / "m.bin"), str(tmp_path / "other"), "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    others = ["other.bin", "other.desc", "other.param"]
    assert names(tmp_path) == ["m.bin", *others, "out.desc"]


def test_a_second_signal_is_ignored_while_the_first_is_cleaned_up_after() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(n) for n in numbers]

    def stopped_twice() -> None:
        with interrupts.raised():
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            finally:
                for number in numbers:
                    os.kill(os.getpid(), number)

    with pytest.raises(interrupts.Interrupted) as caught:
        stopped_twice()
    assert caught.value.exit_code == 143
    assert [signal.getsignal(n) for n in numbers] == before


def test_a_signal_that_was_swallowed_can_be_sent_again() -> None:
    def stopped_twice() -> None:
        with interrupts.raised():
            with contextlib.suppress(BaseException):
                os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(interrupts.Interrupted) as caught:
        stopped_twice()
    assert caught.value.exit_code == 143


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup
    try:
        with interrupts.raised():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_closed_stdout_is_no_traceback(checkpoint: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [*COMMAND, "--inspect", str(checkpoint)]
    run = subprocess.run(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert run.stderr == b""
    assert run.returncode == 128 + signal.SIGPIPE


def test_a_closed_stderr_stops_no_conversion(checkpoint: Path, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [*COMMAND, str(checkpoint), str(tmp_path / "out")]
    assert subprocess.run(command, cwd=ROOT, stderr=writer).returncode == 0
    os.close(writer)
    assert read_desc(tmp_path / "out").shape.dim == 64


@pytest.mark.parametrize(
    ("setting", "bar", "colour"),
    [
        ({"TERM": "xterm-256color"}, True, True),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, False, False),
    ],
)
def test_a_terminal_gets_a_bar(
    checkpoint: Path, tmp_path: Path, setting: dict[str, str], bar: bool, colour: bool
) -> None:
    master, slave = pty.openpty()
    command = [*COMMAND, str(checkpoint), str(tmp_path / "out")]
    process = subprocess.Popen(command, cwd=ROOT, stderr=slave, env=ENVIRONMENT | setting)
    os.close(slave)
    stderr = read_all(master).decode()
    assert process.wait(60) == 0
    assert "wrote " in stderr
    assert ("\x1b[?25l" in stderr) == bar  # the cursor is hidden while the bar moves
    assert ("\x1b[38;5;" in stderr) == colour
    assert ("100%  " in stderr) == (not bar)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux")
def test_memory_is_bounded_by_slices(tmp_path: Path) -> None:
    # Two tensors of 49 MB in a file of 106: reading it whole would break the bound at once.
    shape = ModelShape(384, 1024, 1, 6, 6, 64, 32000, 512, tied=False)
    export_v0(SyntheticCheckpoint(shape), tmp_path / "m.bin")
    assert (tmp_path / "m.bin").stat().st_size > 100e6
    c = tiny_config()
    write_v0(tmp_path / "tiny.bin", c, random_weights(c, 0))
    # VmHWM and not getrusage: that peak is handed down from the process that started this one.
    program = """if True:
        import re, sys
        from pathlib import Path
        from convert.pipeline import convert
        folder, *formats = sys.argv[1:]
        peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
        for name in formats:
            convert(f"{folder}/tiny.bin", f"{folder}/out", weights=name)
        before = peak()
        for name in formats:
            convert(f"{folder}/m.bin", f"{folder}/out", weights=name)
        sys.stdout.write(str(peak() - before))
    """
    command = [sys.executable, "-c", program, str(tmp_path), *FORMAT_NAMES]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert 0 <= int(run.stdout) < 25_000  # kB


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_stdout_is_one_line(checkpoint: Path) -> None:
    with open("/dev/full", "w") as full:
        command = [*COMMAND, "--inspect", str(checkpoint)]
        run = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert run.returncode == 1
    assert run.stderr.splitlines() == [
        "llama2ncnn-convert: error: can't write to standard output: No space left on device"
    ]


def test_no_stdout_at_all_is_one_line(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["--inspect", str(checkpoint)]) == 1
    assert "can't write to standard output: it is closed" in capsys.readouterr().err


@pytest.mark.parametrize("errors", ["2>&-", "2>/dev/full"])
def test_notes_that_go_nowhere_stop_no_conversion(
    checkpoint: Path, tmp_path: Path, errors: str
) -> None:
    command = f'"$0" -m convert "$1" "$2" {errors}'
    args = [sys.executable, str(checkpoint), str(tmp_path / "out")]
    assert subprocess.run(["sh", "-c", command, *args], cwd=ROOT).returncode == 0
    assert read_desc(tmp_path / "out").shape.dim == 64
    refused = subprocess.run(["sh", "-c", command, sys.executable, "none", "out"], cwd=ROOT)
    assert refused.returncode == 3
