"""A set of files appears whole or not at all, whatever stops it and wherever."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from convert.errors import ConvertError, WriteError
from convert.files import FileSet, open_regular

NAMES = ("m.bin", "m.param", "m.desc")


def write_set(folder: Path, text: str, stop: Callable[[], None] | None = None) -> None:
    with FileSet() as files:
        for name in NAMES:
            files.open(folder / name).write(f"{text} {name}".encode())
        if stop:
            stop()
        files.commit()


def contents(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in folder.iterdir()}


def whole(text: str) -> dict[str, str]:
    return {name: f"{text} {name}" for name in NAMES}


@pytest.fixture(params=["empty", "old"])
def before(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    if request.param == "old":
        write_set(tmp_path, "old")
    return contents(tmp_path)


def test_a_set_appears_whole(tmp_path: Path, before: dict[str, str]) -> None:
    write_set(tmp_path, "new")
    assert contents(tmp_path) == whole("new")


def test_without_commit_nothing_changes(tmp_path: Path, before: dict[str, str]) -> None:
    with FileSet() as files:
        files.open(tmp_path / "m.bin").write(b"new")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit, MemoryError])
def test_a_stop_while_writing_changes_nothing(
    tmp_path: Path, before: dict[str, str], error: type[BaseException]
) -> None:
    def stop() -> None:
        raise error

    with pytest.raises(error):
        write_set(tmp_path, "new", stop)
    assert contents(tmp_path) == before


def test_a_stop_between_any_two_renames_changes_nothing(
    tmp_path: Path, before: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = os.replace, 0

    def replace(a: Path, b: Path) -> None:
        nonlocal left
        if left == 0:
            left = -1  # the way back is not stopped
            raise KeyboardInterrupt
        left -= 1
        real(a, b)

    monkeypatch.setattr(os, "replace", replace)
    for stop_at in range(6 if before else 3):  # the old files go aside, the new ones come
        left = stop_at
        with pytest.raises(KeyboardInterrupt):
            write_set(tmp_path, "new")
        assert contents(tmp_path) == before


def test_the_seal_is_the_first_to_go_and_the_last_to_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set(tmp_path, "old")
    real = os.replace

    def replace(a: Path, b: Path) -> None:
        real(a, b)
        if (tmp_path / "m.desc").exists():
            assert {name: (tmp_path / name).read_text() for name in NAMES} == whole("new")

    monkeypatch.setattr(os, "replace", replace)
    write_set(tmp_path, "new")
    assert contents(tmp_path) == whole("new")


def test_everything_is_on_disk_before_the_first_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []
    fsync, replace = os.fsync, os.replace

    def logged_fsync(fd: int) -> None:
        log.append("fsync")
        fsync(fd)

    def logged_replace(a: Path, b: Path) -> None:
        log.append("rename")
        replace(a, b)

    monkeypatch.setattr(os, "fsync", logged_fsync)
    monkeypatch.setattr(os, "replace", logged_replace)
    write_set(tmp_path, "new")
    # After the files the names of theirs, at last the names in the folder.
    assert log == ["fsync"] * 4 + ["rename"] * 3 + ["fsync"]


class FullDisk(io.BytesIO):
    """A file that takes nothing."""

    def __init__(self, path: str) -> None:
        super().__init__()
        Path(path).touch()
        self.name = path

    def write(self, _: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_an_error_and_changes_nothing(
    tmp_path: Path, before: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.open", lambda path, *_, **__: FullDisk(path))
    with pytest.raises(WriteError, match=r"m\.bin: can't write: No space left.* untouched"):
        write_set(tmp_path, "new")
    monkeypatch.undo()
    assert contents(tmp_path) == before


def test_a_folder_in_the_way_is_an_error_and_stays(tmp_path: Path) -> None:
    (tmp_path / "m.param").mkdir()
    with pytest.raises(WriteError, match=r"m\.param: can't write: Is a directory"):
        write_set(tmp_path, "new")
    assert [p.name for p in tmp_path.iterdir()] == ["m.param"]


def test_a_symlink_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "m.bin").symlink_to("precious")
    write_set(tmp_path, "new")
    assert contents(tmp_path) == {**whole("new"), "precious": "mine"}
    assert not (tmp_path / "m.bin").is_symlink()


def test_a_read_only_folder_is_an_error() -> None:
    with pytest.raises(WriteError, match="can't write"), FileSet() as files:
        files.open(Path("/proc/m.bin"))


@pytest.mark.parametrize("name", ["", "absent", "pipe"])
def test_open_regular_opens_files_alone(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConvertError, match=r"not a regular file|No such file"):
        open_regular(tmp_path / name)


def test_an_undo_that_fails_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_set(tmp_path, "old")
    real, calls = os.replace, 0

    def replace(a: Path, b: Path) -> None:
        nonlocal calls
        calls += 1
        if calls > 4:  # the second new file, and then every way back
            raise PermissionError(13, "held open by another program")
        real(a, b)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(WriteError, match="held open"):
        write_set(tmp_path, "new")
    left = " ".join(p.read_text() for p in tmp_path.rglob("*") if p.is_file())
    assert all(text in left for text in whole("old").values())
