"""An error that nobody foresaw: a line about it for a person, and a log that has no word of theirs.

The log tells kinds of errors and places in the code; neither what errors say of themselves, which
may be what was typed, nor values. Knows no program.
"""

from __future__ import annotations

import errno
import logging
import os
import platform
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

EXIT_CODE = 70
"""Of a program that such an error ends; EX_SOFTWARE in sysexits.h."""

MAX_LOG = 1 << 18
"""Bytes after which a log begins anew."""

OWN = ("convert", "llama2ncnn_chat")
"""The packages in which an error is ours."""

TOO_MANY_FILES = (errno.EMFILE, errno.ENFILE)


def lack(error: BaseException) -> str:
    """Say what the system doesn't give, where that is what is wrong; else nothing."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError) or number == errno.ENOMEM:
        return "out of memory"
    if number in TOO_MANY_FILES:
        return "too many open files: the system allows no more (ulimit -n)"
    if isinstance(error, RuntimeError) and str(error) == "can't start new thread":
        return "too many threads, or too little memory for one more (ulimit -u, -v)"
    if isinstance(error, ImportError):
        return f"a part of the program can't be loaded: {error}"
    return ""


def unforeseen(error: BaseException, log: Path) -> str:
    """Write an error to a log; returns what and where it is, and how to report it."""
    places = ["an unknown place", *_places(error.__traceback__)]
    where = next((place for place in reversed(places) if place.startswith(OWN)), places[-1])
    what = f"an error in the program: {type(error).__name__} in {where}"
    try:
        _record(error, log)
    except OSError as e:
        return f"{what}; no log of it ({log}: {e.strerror}); to report it, send this line"
    return f"{what}; to report it, send {log} (it has nothing of your texts) and what you did"


def keep_quiet(log: Path) -> None:
    """Have errors that no boundary sees in a log alone, and no warnings but where Python was asked.

    Those are in threads, in tasks that nobody waits for, and in what is thrown away.
    """

    class Tasks(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info and record.exc_info[1]:
                _try_to_record(record.exc_info[1], log)

    def thread_failed(hooked: threading.ExceptHookArgs) -> None:
        if hooked.exc_value is not None:
            _try_to_record(hooked.exc_value, log)

    def thrown_away(hooked: sys.UnraisableHookArgs) -> None:
        if hooked.exc_value is not None:
            _try_to_record(hooked.exc_value, log)

    told_of_tasks = logging.getLogger("asyncio")
    told_of_tasks.addHandler(Tasks())
    told_of_tasks.propagate = False
    threading.excepthook, sys.unraisablehook = thread_failed, thrown_away
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def _try_to_record(error: BaseException, log: Path) -> None:
    with suppress(OSError):
        _record(error, log)


def _record(error: BaseException, log: Path) -> None:
    """Add an error, and those that it came of, to a log that only its owner may read."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    again = os.O_APPEND if log.exists() and log.stat().st_size < MAX_LOG else os.O_TRUNC
    system = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    head = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {Path(sys.argv[0]).stem}, {system}"
    text = "\n".join([head, *_lines(error), "", ""])
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | again, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)


def _lines(error: BaseException) -> Iterator[str]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        yield f"{'which came of ' if seen else ''}{type(cause).__name__}"
        yield from (f"  {place}" for place in _places(cause.__traceback__))
        seen.add(id(cause))
        cause = cause.__cause__ or cause.__context__


def _places(traceback: TracebackType | None) -> Iterator[str]:
    """Yield where an error went through, the outermost place first."""
    while traceback:
        frame = traceback.tb_frame
        module, name = frame.f_globals.get("__name__", "?"), frame.f_code.co_name
        yield f"{module}, line {traceback.tb_lineno} ({name})"
        traceback = traceback.tb_next
