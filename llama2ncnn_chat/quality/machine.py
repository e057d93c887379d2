"""What this machine has left of memory."""

from __future__ import annotations

import contextlib
from pathlib import Path

MEMORY = Path("/proc/meminfo")


def available_memory() -> int | None:
    """Count the bytes that can be had without swapping; None where the system doesn't say."""
    with contextlib.suppress(OSError, ValueError):
        for line in MEMORY.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None
