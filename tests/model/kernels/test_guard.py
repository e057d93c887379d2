"""What happens to a process whose mapped file is cut short: zeros, and the file is refused."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from llama2ncnn_chat.model.kernels.guard import ON_THIS_SYSTEM

pytestmark = pytest.mark.skipif(not ON_THIS_SYSTEM, reason="nothing is guarded on this system")

PROGRAM = """
import mmap, os, sys
import numpy as np
from llama2ncnn_chat.model.kernels.build import build
from llama2ncnn_chat.model.ncnn_memory import ncnn

guard = build("portable", alone=True).guard
maps = []
for path in sys.argv[2:]:
    with open(path, "rb") as file:
        maps.append(np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8))
guard.protect(1 << 20, 2 << 20)
guard.release(1 << 20)
for each in maps[: int(sys.argv[1])]:
    guard.protect(each.ctypes.data, each.ctypes.data + each.size)
for path in sys.argv[2:]:
    os.truncate(path, 5000)
for each in maps:
    print(each[:8192].sum(), each[8192:].sum(), flush=True)
"""


def run(folder: Path, guarded: int) -> subprocess.CompletedProcess[str]:
    """Two files of ones are mapped, as many guarded, and cut to 5,000 bytes."""
    paths = [folder / name for name in "ab"]
    for path in paths:
        path.write_bytes(b"\x01" * 40_000)
    command = [sys.executable, "-c", PROGRAM, str(guarded), *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_was_cut_off_reads_as_zeros(tmp_path: Path) -> None:
    ran = run(tmp_path, 2)
    # The system fills the last page with zeros itself.
    assert ran.stdout.split() == ["5000", "0"] * 2, ran.stderr


def test_what_is_not_guarded_ends_the_process_as_ever(tmp_path: Path) -> None:
    ran = run(tmp_path, 1)
    assert ran.stdout.split() == ["5000", "0"]
    assert ran.returncode == -signal.SIGBUS
