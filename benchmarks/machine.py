"""What the machine does beside a benchmark, and what memory the process of one takes."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BUSY = 0.05
"""From which share of the machine on others are said to have disturbed the figures."""


@dataclass(frozen=True)
class Memory:
    """Bytes of a process when it had the most: all that is resident, and what of it are files."""

    resident: int
    mapped: int


class Watch:
    """How much of the machine other processes take from now on."""

    def __init__(self) -> None:
        """Note where all counters stand; where the system has none, others are never seen."""
        self._load = _load_average()
        self._begun = _busy_seconds(), _own_seconds(), time.monotonic()

    def report(self) -> dict[str, Any]:
        """Tell the load before and now, and the others' share of all cores' time between."""
        busy, own, begun = self._begun
        spent = (_busy_seconds() - busy) - (_own_seconds() - own)
        whole = (time.monotonic() - begun) * (os.cpu_count() or 1)
        others = max(0.0, spent / whole)
        return {"load_before": self._load, "load_after": _load_average(), "others": others}


def in_words(report: dict[str, Any]) -> str:
    """Say what a report means for the figures."""
    loads = " to ".join(f"{report[key]:.1f}" for key in ("load_before", "load_after"))
    verdict = "the machine was BUSY" if report["others"] > BUSY else "the machine was quiet"
    return f"{verdict}: other processes took {report['others']:.0%} of it (load {loads})"


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has taken, all of its threads; 0 where nobody tells."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    user, system = map(int, fields[11:13])
    return (user + system) / os.sysconf("SC_CLK_TCK")


def run_watched(command: list[str], timeout: float = 1800) -> tuple[Any, Memory]:
    """Run a command; returns the JSON that it prints, and its memory at the peak.

    Raises ``RuntimeError`` with the end of its complaints if it fails.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(command, stdout=out, stderr=err)
        memory, deadline = Memory(0, 0), time.monotonic() + timeout
        try:
            while child.poll() is None:
                memory = max(memory, _memory_of(child.pid), key=lambda each: each.resident)
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{command[:4]} takes longer than {timeout} s")
                time.sleep(0.02)
        finally:
            child.kill()
            child.wait()
        for file in (out, err):
            file.seek(0)
        if child.returncode:
            raise RuntimeError(f"{command}: {err.read().decode(errors='replace')[-2000:]}")
        return json.loads(out.read()), memory


def _memory_of(pid: int) -> Memory:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return Memory(0, 0)
    values = dict(line.split(":", 1) for line in lines if ":" in line)
    resident, mapped = (1024 * int(values.get(key, "0").split()[0]) for key in ("VmRSS", "RssFile"))
    return Memory(resident, mapped)


def _load_average() -> float:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def _busy_seconds() -> float:
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    except OSError:
        return 0.0
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields)
    ticks = user + nice + system + irq + softirq + steal
    return ticks / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
