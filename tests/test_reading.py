"""Whatever stands in place of a person's file is read or refused, and never waited for."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llama2ncnn_chat.cli import main
from llama2ncnn_chat.errors import UsageError
from llama2ncnn_chat.launch.config import collect
from llama2ncnn_chat.paths import config_file, history_file, theme_file
from llama2ncnn_chat.reading import MAX_TEXT, read_bytes, read_end, read_line, read_text
from llama2ncnn_chat.ui.editor import edit_text
from llama2ncnn_chat.ui.history import History
from llama2ncnn_chat.ui.repl.lines import LinePrompt
from llama2ncnn_chat.ui.tui.themes import picked_theme

ROOT = Path(__file__).resolve().parents[1]
DEADLINE = pytest.mark.timeout(20)


def sparse(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
    return path


def pipe(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    return path


def device(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to("/dev/zero")
    return path


STRANGE = [pipe, device]


def test_as_many_bytes_are_read_as_may_be(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    assert read_bytes(path, 5, "it") == b"12345"
    with pytest.raises(UsageError, match="x: 5 bytes, and it has at most 4"):
        read_bytes(path, 4, "it")
    assert read_end(path, 3) == (b"345", False)
    assert read_end(path, 5) == (b"12345", True)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no such files here")
def test_a_file_of_the_systems_is_read_although_it_has_no_size() -> None:
    assert os.stat("/proc/self/status").st_size == 0
    assert "Name:" in read_text(Path("/proc/self/status"))


def test_a_text_as_large_as_a_disk_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"1,099,511,627,776 bytes.* 16,777,216"):
        read_text(sparse(tmp_path / "x", 1 << 40))


@DEADLINE
@pytest.mark.parametrize("flag", ["-f", "--system-file"])
@pytest.mark.parametrize("make", STRANGE)
def test_what_is_no_file_is_no_prompt(
    flag: str, make: Callable[[Path], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([flag, str(make(tmp_path / "x")), "--no-stdin"]) == 2
    assert "x: not a regular file" in capsys.readouterr().err


@DEADLINE
@pytest.mark.parametrize("make", STRANGE)
def test_what_is_no_file_has_no_settings(make: Callable[[Path], Path]) -> None:
    make(config_file())
    with pytest.raises(UsageError, match="not a regular file"):
        collect([], {})


def test_settings_are_no_gigabyte_and_no_maze() -> None:
    sparse(config_file(), 1 << 30)
    with pytest.raises(UsageError, match=r"1,073,741,824 bytes.* at most 1,048,576"):
        collect([], {})
    config_file().write_text(f"x = {'[' * 50_000}")
    with pytest.raises(UsageError, match=r"config\.toml"):
        collect([], {})


@DEADLINE
@pytest.mark.parametrize("make", STRANGE)
def test_a_history_that_is_no_file_is_done_without(make: Callable[[Path], Path]) -> None:
    history = History(make(history_file()))
    history.add("hello")
    assert history.entries == ["hello"]


@DEADLINE
@pytest.mark.parametrize("make", STRANGE)
def test_a_draft_that_is_no_file_is_none(make: Callable[[Path], Path]) -> None:
    make(history_file().with_name("draft"))
    history = History(history_file())
    assert history.take_draft() == ""
    history.keep_draft("half")
    assert history.take_draft() == "half"


def test_of_a_long_history_the_end_is_read() -> None:
    path = sparse(history_file(), 1 << 30)
    with path.open("ab") as file:
        file.write(b"\n# 2026-01-01 00:00:00\n+one\n+more\n\n# 2026-01-01 00:00:00\n+two\n")
    assert History(path).entries == ["one\nmore", "two"]


@DEADLINE
@pytest.mark.parametrize("make", STRANGE)
def test_a_theme_that_is_no_file_is_none(make: Callable[[Path], Path]) -> None:
    make(theme_file())
    assert picked_theme(["ink"]) is None


def test_a_text_from_the_editor_that_is_refused_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "edited"))
    (tmp_path / "edited").mkdir()
    monkeypatch.setenv("VISUAL", "truncate -s 1G")
    with pytest.raises(UsageError, match=r"message-.*\.md: 1,073,741,824 bytes"):
        edit_text("a thought")
    [kept] = (tmp_path / "edited").iterdir()
    with kept.open("rb") as file:
        assert file.read(9) == b"a thought"
    kept.unlink()
    monkeypatch.setenv("VISUAL", "true")
    assert edit_text("a thought") == "a thought"
    assert not list((tmp_path / "edited").iterdir())


@DEADLINE
def test_a_line_without_end_is_refused() -> None:
    with open("/dev/zero") as stream, pytest.raises(UsageError, match="line of over 16,777,216"):
        LinePrompt(stdin=stream).read()


@DEADLINE
@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device here")
@pytest.mark.parametrize("flags", [[], ["--plain"], ["-f", "-"], ["-p", "-"]])
def test_a_standard_input_without_end_is_refused(flags: list[str]) -> None:
    command = [sys.executable, "-m", "llama2ncnn_chat", *flags]
    with open("/dev/zero", "rb") as zeros:
        done = subprocess.run(command, cwd=ROOT, stdin=zeros, capture_output=True, text=True)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "16,777,216" in line


def test_a_quoted_message_without_end_is_refused() -> None:
    stream = io.StringIO('"""\n' + f"{'x' * (MAX_TEXT // 8)}\n" * 9)
    with pytest.raises(UsageError, match='end it by """'):
        LinePrompt(stdin=stream).read()
    assert len(read_line(stream)) == 1 + MAX_TEXT // 8


def test_a_standard_input_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "written", os.O_WRONLY | os.O_CREAT)
    with os.fdopen(descriptor) as stream, pytest.raises(UsageError, match="standard input: can't"):
        LinePrompt(stdin=stream).read()
