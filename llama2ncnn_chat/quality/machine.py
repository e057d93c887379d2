"""What this machine has left: memory, and room on a disk."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from convert.errors import WriteError
from convert.inspect import human_bytes

MEMORY = Path("/proc/meminfo")


def available_memory() -> int | None:
    """Count the bytes that can be had without swapping; None where the system doesn't say."""
    with contextlib.suppress(OSError, ValueError):
        for line in MEMORY.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def refuse_if_full(folder: Path, n_bytes: int) -> None:
    """Raise ``WriteError`` if a folder for temporary files hasn't so much room."""
    free = shutil.disk_usage(folder).free
    if free < n_bytes:
        raise WriteError(
            f"{folder}: a report's conversions take up to {human_bytes(n_bytes)} and "
            f"{human_bytes(free)} are free",
            "make room, choose fewer --weights, or set TMPDIR to a folder that has it",
        )
