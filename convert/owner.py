"""A process as a name that others can ask about: its number, when it began, and its machine.

Knows nothing of what is named after it.
"""

from __future__ import annotations

import hashlib
import os
import platform
from contextlib import suppress
from functools import cache
from pathlib import Path

OWNER = r"\d{1,9}-[0-9a-f]+-[0-9a-f]+"
"""What the name of a process looks like, as a regular expression."""

UNKNOWN = "0"
"""When a process began, where the system doesn't say it."""

BOOT = Path("/proc/sys/kernel/random/boot_id")
DIGITS = 8


def this_process() -> str:
    """Name the process that asks."""
    return f"{os.getpid()}-{_beginning(os.getpid())}-{_machine()}"


def runs(owner: str) -> bool | None:
    """Tell whether the process of that name runs; None where nobody here can know.

    That is one of another machine or another container, and, where the system doesn't say when a
    process began, any that another may have the number of by now.
    """
    pid, beginning, machine = owner.split("-")
    if machine != _machine():
        return None
    try:
        found = _beginning(int(pid))
    except ProcessLookupError:
        return False
    return None if UNKNOWN in (beginning, found) else beginning == found


def _beginning(pid: int) -> str:
    """Return what no other process of that number has; raises ``ProcessLookupError`` for none."""
    try:
        boot = BOOT.read_bytes()
    except OSError:  # no Linux
        return _unknown_beginning(pid)
    try:
        # The name of the program stands in brackets, and may have any in it.
        state, *fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    if state in (b"Z", b"X"):  # it has ended, and nobody has asked how
        raise ProcessLookupError(pid)
    return _digest(boot + fields[18])  # in ticks since the machine was booted


def _unknown_beginning(pid: int) -> str:
    if os.name == "posix":  # elsewhere the same call may end a process
        with suppress(PermissionError):
            os.kill(pid, 0)
    return UNKNOWN


@cache
def _machine() -> str:
    """Tell machines that share a disk apart, and containers, which number their processes anew."""
    known = platform.node().encode()
    with suppress(OSError):
        known += Path("/etc/machine-id").read_bytes()
    with suppress(OSError):
        known += str(Path("/proc/self/ns/pid").readlink()).encode()
    return _digest(known)


def _digest(what: bytes) -> str:
    return hashlib.sha256(what).hexdigest()[:DIGITS]
