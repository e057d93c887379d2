"""How ncnn's OpenMP threads wait for each other. Imported before ``ncnn``, and never imports it.

ncnn's Linux wheel brings its own libgomp, whose threads spin at every barrier, by default for so
long that one other busy process slows a decode a hundredfold. The spin count is read once, from
the environment, when ``ncnn`` is first imported. A thousand rounds bridge the gap between two
layers on an idle machine and cost little on a busy one (``benchmarks/spin.py`` measures both).
"""

from __future__ import annotations

import os

SPIN_COUNT = 1000
MAX_THREADS = 256  # OpenMP ends the process, without a message, at some tens of thousands


def set_spin_count() -> None:
    """Set the spin count, unless the environment says already how OpenMP waits."""
    if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = str(SPIN_COUNT)


def allowed_threads(n: int) -> int:
    """Return ``n``, or the nearest number of threads that OpenMP can start."""
    return max(1, min(MAX_THREADS, n))


def default_threads() -> int:
    """Count the cores that this process may use, up to 16: beyond, a decode gains nothing."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, min(16, len(os.sched_getaffinity(0))))
    return max(1, min(16, os.cpu_count() or 1))
