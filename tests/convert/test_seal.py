"""A model that is opened while its files are replaced is all of the old one, or all of the new."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from convert import seal
from convert.errors import ConvertError
from convert.files import FileSet
from convert.owner import this_process
from convert.seal import ReplacedError, is_being_replaced, read_sealed, seal_of
from convert.temporary import OLD, WHOLE, name_folder

SUFFIXES = (".bin", ".param", ".desc")


@pytest.fixture
def stem(tmp_path: Path) -> Path:
    write(tmp_path / "m", "old")
    return tmp_path / "m"


@pytest.fixture(autouse=True)
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "PAUSE", 0.0)


def write(stem: Path, text: str) -> None:
    with FileSet() as files:
        for suffix in SUFFIXES:
            files.open(Path(f"{stem}{suffix}")).write(text.encode())
        files.commit()


def reading(stem: Path, between: Callable[[], object]) -> Callable[[], list[str]]:
    """Reads one file after the other, and something happens after the first."""

    def read() -> list[str]:
        texts = []
        for suffix in reversed(SUFFIXES):
            try:
                texts.append(Path(f"{stem}{suffix}").read_text())
            except OSError as e:
                raise ConvertError(f"{suffix}: gone") from e
            between()
        return texts

    return read


def nothing() -> None:
    """Do nothing."""


def in_turn(*acts: Callable[[], None]) -> Callable[[], None]:
    """Do one after the other, one a call, then nothing."""
    left = iter(acts)
    return lambda: next(left, nothing)()


def test_what_stays_is_read_once(stem: Path) -> None:
    calls: list[int] = []
    texts, found = read_sealed(stem, reading(stem, lambda: calls.append(1)))
    assert texts == ["old"] * 3
    assert len(calls) == 3
    assert found == seal_of(stem)


def test_a_set_that_is_replaced_meanwhile_is_read_again(stem: Path) -> None:
    first = seal_of(stem)
    texts, found = read_sealed(stem, reading(stem, in_turn(lambda: write(stem, "new"))))
    assert texts == ["new"] * 3
    assert found == seal_of(stem) != first


def test_so_is_one_whose_files_are_away_for_a_while(stem: Path) -> None:
    folder = in_the_middle(stem)
    assert is_being_replaced(stem)
    back = in_turn(nothing, lambda: end(folder, stem))

    def read() -> list[str]:
        back()
        return reading(stem, nothing)()

    assert read_sealed(stem, read)[0] == ["old"] * 3


def test_one_that_never_rests_is_an_error_that_says_try_again(stem: Path) -> None:
    n = iter(range(1000))
    with pytest.raises(ReplacedError, match="was being replaced while it was opened; try again"):
        read_sealed(stem, reading(stem, lambda: write(stem, f"new {next(n)}")))


def test_damage_is_told_at_once(stem: Path) -> None:
    calls: list[int] = []
    Path(f"{stem}.bin").unlink()
    with pytest.raises(ConvertError, match=r"\.bin: gone"):
        read_sealed(stem, reading(stem, lambda: calls.append(1)))
    assert len(calls) == 2
    Path(f"{stem}.desc").unlink()
    with pytest.raises(ConvertError, match=r"\.desc: gone"):
        read_sealed(stem, reading(stem, lambda: calls.append(1)))
    assert len(calls) == 2


def in_the_middle(stem: Path) -> Path:
    """As far as ``put_in_place`` comes before the first new file: this process is at it."""
    folder = name_folder(stem.parent)
    for part in (OLD, WHOLE):
        (folder / part).mkdir(parents=True)
    for i, suffix in enumerate(SUFFIXES):
        name = f"{stem.name}{suffix}"
        (folder / WHOLE / f"{i}.{name}").write_text("new")
        (stem.parent / name).rename(folder / OLD / f"{i}.{name}")
    return folder


def end(folder: Path, stem: Path) -> None:
    for file in (folder / OLD).iterdir():
        file.rename(stem.parent / file.name.partition(".")[2])


@pytest.fixture
def dead() -> str:
    """What ``this_process`` was in a process that has ended."""
    code = "from convert.owner import this_process; print(this_process())"
    return subprocess.check_output([sys.executable, "-c", code], text=True).strip()


def test_what_a_killed_process_left_half_way_is_put_in_place(stem: Path, dead: str) -> None:
    folder = in_the_middle(stem)
    folder.rename(folder.with_name(folder.name.replace(this_process(), dead)))
    assert read_sealed(stem, reading(stem, nothing))[0] == ["new"] * 3
    assert not is_being_replaced(stem)


def test_others_that_are_replaced_are_not_meant(stem: Path) -> None:
    other = stem.with_name("other")
    write(other, "old")
    in_the_middle(other)
    assert is_being_replaced(other)
    assert not is_being_replaced(stem)
    assert not is_being_replaced(stem.with_name("oth"))
