"""The program's entry, as ``llama2ncnn-chat`` and as ``python -m llama2ncnn_chat``."""

import signal
import sys

from .errors import ChatError
from .ui.refusal import say_refusal, wants_json


def run() -> None:
    """Import the rest of the program and run it."""
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeded:  # Ctrl+C among the imports just ends it
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        from .cli import main
    except ChatError as e:  # a part of it that is missing, or no good
        say_refusal(e.message, str(e.hint), e.exit_code, as_json=wants_json(sys.argv))
        sys.exit(e.exit_code)
    if heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
