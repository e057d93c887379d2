"""The program's entry, as ``llama2ncnn-chat`` and as ``python -m llama2ncnn_chat``."""

import signal
import sys

from convert.crash import keep_quiet
from convert.streams import prepare

from .paths import crash_log
from .ui.boundary import bounded


def run() -> None:
    """Import the rest of the program and run it."""
    prepare()
    keep_quiet(crash_log())
    sys.exit(bounded(_run, sys.argv[1:]))


def _run() -> int:
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeded:  # Ctrl+C among the imports just ends it
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from .cli import main

    if heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return main(sys.argv[1:])


if __name__ == "__main__":
    run()
