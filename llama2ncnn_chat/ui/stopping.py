"""Stops the program for its shell, until it is woken. Knows processes and signals alone."""

from __future__ import annotations

import os
import signal


def has_shell() -> bool:
    """Tell whether a shell could wake us: there is none for the first group of a session."""
    return hasattr(os, "getsid") and os.getpgrp() != os.getsid(0)


def stop_until_woken() -> None:
    """Stop, and keep Textual's handler of SIGCONT out, which takes the terminal back by itself.

    Any thread may get the signal; if the main one hears of it late, when the terminal is back
    already, two threads read keys: each waits for what the other has read.
    """
    before = signal.signal(signal.SIGCONT, signal.SIG_IGN)
    try:
        # Not us alone: a shell waits for what it has started, which may be make.
        os.kill(0, signal.SIGSTOP)
    finally:
        signal.signal(signal.SIGCONT, before)
