"""The command line: flags to settings to objects to a face, and the one error boundary.

Everything a person gets wrong ends here as one line on stderr and an exit code.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from dataclasses import fields
from types import FrameType

from . import flags
from .errors import ChatError, UsageError
from .settings import Sampling

INTERRUPTED = 130
BROKEN_PIPE = 141


def run() -> None:
    """The console script."""
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
    """Run the program; returns its exit code."""
    command, rest = ("chat", argv)
    if argv and argv[0] in flags.SUBCOMMANDS:
        command, rest = argv[0], argv[1:]
    args = getattr(flags, f"{command}_parser")().parse_args(rest)
    _end_like_an_interrupt()
    try:
        return {"chat": _chat, "complete": _complete, "bench": _bench}[command](args)
    except ChatError as e:
        _say_error(e, as_json=args.json)
        return e.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes stdout once more on exit; give that somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE


def _chat(args: argparse.Namespace) -> int:
    if args.raw:
        return _complete(args)
    raise UsageError("only --raw completion is there yet", "add --raw -p TEXT")


def _complete(args: argparse.Namespace) -> int:
    from .ui.oneshot import complete

    return complete(args, _sampling(args), _seed(args))


def _bench(args: argparse.Namespace) -> int:
    from .bench import bench

    return bench(args)


def _sampling(args: argparse.Namespace) -> Sampling:
    given = {f.name: getattr(args, f.name) for f in fields(Sampling)}
    return Sampling(**{name: value for name, value in given.items() if value is not None})


def _seed(args: argparse.Namespace) -> int:
    return secrets.randbits(32) if args.seed is None else int(args.seed)


def _say_error(error: ChatError, *, as_json: bool) -> None:
    sys.stderr.write(f"llama2ncnn-chat: error: {error}\n")
    if as_json:
        body = {"message": error.message, "hint": error.hint, "code": error.exit_code}
        sys.stdout.write(json.dumps({"error": body}) + "\n")


def _end_like_an_interrupt() -> None:
    """A terminated or hung-up process cleans up as an interrupted one does."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), interrupt)
