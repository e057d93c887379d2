"""What killed processes leave goes, and only that; a set that was being swapped stays whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from convert import owner
from convert.temporary import is_temporary, sweep, temporary_folder

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("m.bin", "m.param", "m.desc")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")

WORKING = """
import sys
from pathlib import Path
from convert.temporary import temporary_folder
with temporary_folder(Path(sys.argv[1])) as folder:
    (folder / "half").touch()
    print(flush=True)
    input()
"""


def working(folder: Path) -> subprocess.Popen[bytes]:
    """A process that is at work in a temporary folder until it is killed."""
    command = [sys.executable, "-c", WORKING, str(folder)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def left_by(tmp_path: Path, name: str) -> Path:
    """A temporary folder of the process of that name, with something in it."""
    folder = tmp_path / f".llama2ncnn-{name}-01234567"
    assert is_temporary(folder.name)
    (folder / "inside").mkdir(parents=True)
    (folder / "inside" / "half").touch()
    return folder


def age(folder: Path, seconds: float) -> None:
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (time.time() - seconds,) * 2)


def test_a_folder_is_private_and_goes_with_the_block(tmp_path: Path) -> None:
    with temporary_folder(tmp_path) as folder:
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
        sweep(tmp_path)
        assert folder.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_living_process_keeps_its_folder_and_a_killed_one_does_not(tmp_path: Path) -> None:
    with working(tmp_path) as alive:
        [folder] = tmp_path.iterdir()
        age(folder, 1e7)
        sweep(tmp_path)
        assert (folder / "half").exists()
        alive.kill()
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not owner.BOOT.exists(), reason="asks Linux")
def test_a_killed_process_that_nobody_has_waited_for_is_gone(tmp_path: Path) -> None:
    with working(tmp_path) as killed:
        killed.kill()
        os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)
        sweep(tmp_path)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not owner.BOOT.exists(), reason="asks Linux")
def test_a_process_that_has_the_number_of_a_killed_one_is_another(tmp_path: Path) -> None:
    pid, beginning, machine = owner.this_process().split("-")
    assert beginning != "01234567"
    own = left_by(tmp_path, f"{pid}-{beginning}-{machine}")
    reused = left_by(tmp_path, f"{pid}-01234567-{machine}")
    sweep(tmp_path)
    assert own.exists()
    assert not reused.exists()


def test_of_another_machine_what_nobody_has_written_to_for_a_day_goes(tmp_path: Path) -> None:
    old, running = (left_by(tmp_path, f"{pid}-01234567-89abcdef") for pid in (17, 18))
    for folder in (old, running):
        age(folder, 2 * 86400)
    os.utime(running / "inside" / "half")
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [running.name]


def test_where_nobody_says_when_a_process_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "BOOT", tmp_path / "nowhere")
    mine = left_by(tmp_path, owner.this_process())
    with working(tmp_path) as other:
        other.kill()
    killed = left_by(tmp_path, owner.this_process().replace(str(os.getpid()), str(other.pid)))
    sweep(tmp_path)
    assert mine.exists()
    assert not killed.exists()
    age(mine, 2 * 86400)  # somebody else may have the number by now
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    gone = left_by(tmp_path, f"1-01234567-{owner.this_process().rpartition('-')[2]}")
    outside = tmp_path / "outside"
    gone.rename(outside)
    gone.symlink_to(outside)
    (tmp_path / f"{gone.name[:-1]}8").touch()  # no folder
    (tmp_path / f"{gone.name}.txt").mkdir()
    before = sorted(tmp_path.rglob("*"))
    sweep(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before
    sweep(tmp_path / "nowhere")
    sweep(Path("a\0b"))


CONVERTING = """
import os, signal, sys
from pathlib import Path
from convert.files import FileSet
def end(*_):
    os.kill(os.getpid(), signal.SIGKILL)
def counted(real):
    def call(*arguments, **named):
        global left
        if left == 0:
            end()
        left -= 1
        return real(*arguments, **named)
    return call
folder, name, left = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for each in name.split():
    setattr(os, each, counted(getattr(os, each)))
with FileSet() as files:
    for name in sys.argv[4:]:
        files.open(folder / name).write(f"new {name}".encode())
    files.commit()
"""


def contents(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in folder.iterdir()}


@pytest.mark.parametrize("before", [NAMES, NAMES[::2], ()])
@pytest.mark.parametrize(
    "calls", ["fsync replace rename", "unlink rmdir"], ids=["swapping", "removing"]
)
def test_of_a_set_that_is_being_swapped_one_is_there_after_a_kill(
    tmp_path: Path, calls: str, before: tuple[str, ...]
) -> None:
    old, new = ({name: f"{age} {name}" for name in NAMES} for age in ("old", "new"))
    seen = []
    for n in range(30):
        folder = tmp_path / str(n)
        folder.mkdir()
        for name in before:
            (folder / name).write_text(old[name])
        command = [sys.executable, "-c", CONVERTING, str(folder), calls, str(n), *NAMES]
        run = subprocess.run(command, cwd=ROOT)
        assert run.returncode in (0, -signal.SIGKILL)
        sweep(folder)
        seen.append(contents(folder))
        if run.returncode == 0:
            break
    assert run.returncode == 0
    assert n > 1
    unchanged = {name: old[name] for name in before}
    n_old = seen.count(unchanged)
    assert seen == [unchanged] * n_old + [new] * (len(seen) - n_old)
    assert (n_old > 0) == (calls != "unlink rmdir")
