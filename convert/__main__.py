"""The converter's command line: ``llama2ncnn-convert TinyLlama/ tiny.ncnn``.

Flags in, a model fetched if it is one of the Hub's, one call to ``pipeline.convert``, ``inspect``
or the chat's ``quality``, an exit code out; with ``progress`` the one place of the package that
prints. Knows nothing of formats, and of the chat nothing but that it measures them.

Exit codes: 0, 1 can't write, 2 usage, 3 the input is missing or invalid, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import NoReturn

from . import inspect, interrupts
from .desc import FORMAT, ModelDesc
from .errors import ConvertError
from .files import is_file
from .formats import BLOCK_FORMATS, BLOCKS, FORMAT_NAMES
from .hub.names import is_hub_name, parse_name
from .inspect import human_bytes
from .inspect_chat import format_chat_report, inspect_chat
from .pipeline import Progress, convert
from .progress import bytes_done, say, steps
from .stem import ALL_SUFFIXES, TOKENIZER_SUFFIX, file_of, stem_of

PROG = "llama2ncnn-convert"
DISTRIBUTION = "llama2ncnn-chat"

NOT_WITH = {
    "inspect": ("report", "weights", "block", "tokenizer", "text", "tokens"),
    "report": ("verify", "block"),
}
"""Flags that the two modes that convert nothing have no use for."""
GOES_WITH = {
    "verify": "--inspect",
    "json": "--inspect or --report",
    "text": "--report",
    "tokens": "--report",
}
MIN_TOKENS = 8


def run() -> NoReturn:
    """Run the command as the console script does, and exit."""
    sys.exit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    try:
        with interrupts.raised():
            return _run(_parse(argv))
    except SystemExit as e:  # argparse: --help, --version, usage
        return e.code if isinstance(e.code, int) else 2
    except ConvertError as e:
        _complain(str(e))
        return e.exit_code
    except interrupts.Interrupted as e:
        _complain(f"stopped by {e.signal.name}; no half-written file is left")
        return e.exit_code
    except MemoryError:
        _complain("out of memory")
        return 1
    except BrokenPipeError:
        # Whoever read stdout has gone: leave as SIGPIPE would, and keep the interpreter's own
        # flush at exit from complaining.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13
    except OSError as e:  # a full disk behind stdout; of all other files pipeline tells itself
        _complain(f"can't write to standard output: {e.strerror}")
        return 1


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # One line, where argparse would print the whole usage first.
        _complain(f"{message} (--help shows the usage)")
        self.exit(2)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(
        prog=PROG,
        usage="%(prog)s [options] MODEL STEM\n       %(prog)s --inspect MODEL\n"
        "       %(prog)s --report MODEL",
        description="Convert a model of the Llama family to ncnn's files: STEM.param, STEM.bin, "
        "STEM.desc, and STEM.tokenizer.bin and STEM.chat.json with all that chatting takes.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "model",
        metavar="MODEL",
        help="a folder from the Hugging Face Hub or from Meta, a GGUF file, a llama2.c checkpoint, "
        "or hf:OWNER/NAME[@REVISION] or hf:OWNER/NAME/FILE.gguf, which is fetched",
    )
    add("stem", metavar="STEM", nargs="?", help="name of the model to write, as 7b.ncnn")
    add(
        "--weights",
        type=_formats,
        metavar=f"{{{','.join(FORMAT_NAMES)}}}",
        help="how to keep the matrices (default: int8; for a quantised source what suits its bits)",
    )
    add("--block", type=int, choices=BLOCKS, help="weights per scale of b8, b6 and b4 (default 64)")
    add("--tokenizer", metavar="FILE", help="tokenizer to carry (default: the model's own)")
    add("--quiet", action="store_true", help="no progress, no summary")
    add(
        "--inspect", action="store_true", help="describe a model, converted or not, convert nothing"
    )
    add("--verify", action="store_true", help="with --inspect: check a model's checksums")
    add(
        "--report",
        action="store_true",
        help="measure what each weight format costs the model and how fast it is here (those that "
        "--weights names, with commas between); conversions go into a temporary folder",
    )
    add("--text", metavar="FILE", help="with --report: on a text (default: one by the model)")
    add("--tokens", type=int, metavar="N", help="with --report: of the text (default 1000)")
    add("--json", action="store_true", help="with --inspect or --report: as JSON")
    add("--version", action="version", version=f"{PROG} {_version()} (model format {FORMAT})")
    args = parser.parse_args(argv)
    problem = _problem(args)
    if problem:
        parser.error(problem)
    return args


def _formats(text: str) -> tuple[str, ...]:
    """Read names of weight formats with commas between."""
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in FORMAT_NAMES:
            raise argparse.ArgumentTypeError(f"{name!r} isn't one of {', '.join(FORMAT_NAMES)}")
    return names


def _problem(args: argparse.Namespace) -> str:
    """What is wrong with flags that argparse lets through, or nothing."""
    if args.inspect or args.report:
        mode = "inspect" if args.inspect else "report"
        given = [flag for flag in NOT_WITH[mode] if getattr(args, flag)]
        if given:
            return f"--{given[0]} doesn't go with --{mode}"
        if args.tokens is not None and args.tokens < MIN_TOKENS:
            return f"--tokens {args.tokens} are too few to compare on: {MIN_TOKENS} or more"
        return f"--{mode} takes one MODEL" if args.stem is not None else ""
    for flag, mode in GOES_WITH.items():
        if getattr(args, flag):
            return f"--{flag} goes with {mode}"
    if args.stem is None:
        return "STEM is missing: the name of the model to write"
    if args.weights and len(args.weights) > 1:
        return f"--weights {','.join(args.weights)}: a conversion is in one format"
    if args.block and not {*(args.weights or ())} & BLOCK_FORMATS.keys():
        return "--block goes with --weights b8, b6 or b4"
    if not stem_of(args.stem).name or args.stem.endswith(os.sep):
        return f"STEM {args.stem!r} names a folder: give the model a name in it"
    return ""


def _run(args: argparse.Namespace) -> int:
    if args.inspect:
        return _inspect(args)
    if args.report:
        return _report(args)
    model = _fetched(args.model, quiet=args.quiet)
    stem, n_read, start = stem_of(args.stem), 0, time.monotonic()
    with bytes_done(quiet=args.quiet) as report:

        def counted(p: Progress) -> None:
            nonlocal n_read
            n_read = p.n_bytes
            report(p.bytes, p.n_bytes, f"{p.tensors}/{p.n_tensors} tensors")

        d = convert(
            model,
            stem,
            weights=args.weights and args.weights[0],
            block=args.block,
            tokenizer=args.tokenizer,
            progress=counted,
        )
    if not args.quiet:
        say(_summary(stem, d, n_read, time.monotonic() - start))
    return 0


def _fetched(model: str, *, quiet: bool) -> Path:
    """Fetch a model of the Hub; return where it lies, or any other as it is named."""
    if not is_hub_name(model):
        return Path(model)
    from .hub.fetch import fetch  # the Hub's client takes longer than a small model

    with bytes_done(quiet=quiet) as report:
        fetched = fetch(parse_name(model), lambda done, total: report(done, total, "fetched"))
    for note in fetched.notes:
        say(f"{PROG}: {note}")
    return fetched.path


def _at_hand(model: str) -> Path:
    """Find a model without a connection: one of the Hub in its cache."""
    if not is_hub_name(model):
        return Path(model)
    from .hub.cache import cached_path

    return cached_path(parse_name(model), "--inspect fetches nothing")


def _inspect(args: argparse.Namespace) -> int:
    path = _at_hand(args.model)
    if args.verify and not inspect.is_model(path):
        raise ConvertError(f"{path}: has no checksums to verify", "name a converted model")
    report, chat = inspect.inspect(path, checksums=args.verify), inspect_chat(path)
    text = inspect.format_report(report) + "\n" + format_chat_report(chat)
    if args.json:
        text = json.dumps(report.to_json() | {"chat": chat.to_json()}, indent=2) + "\n"
    _print(text)
    return 0


def _report(args: argparse.Namespace) -> int:
    # The engine takes longer to import than a small model to convert.
    from llama2ncnn_chat.quality.measuring import quality_report
    from llama2ncnn_chat.quality.report import Wanted
    from llama2ncnn_chat.quality.table import format_quality_report

    model = _fetched(args.model, quiet=args.quiet)
    tokenizer, text = (value and Path(value) for value in (args.tokenizer, args.text))
    wanted = Wanted(args.weights or (), text, args.tokens or Wanted.tokens, tokenizer)
    with steps(quiet=args.quiet) as step:
        report = quality_report(model, wanted, step)
    if args.json:
        _print(json.dumps(report.to_json(), indent=2) + "\n")
    else:
        _print(format_quality_report(report))
    return 0


def _print(text: str) -> None:
    if sys.stdout is None:  # closed by whoever started us
        return
    # A file name may hold bytes that are no text.
    encoding = sys.stdout.encoding
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()


def _summary(stem: Path, d: ModelDesc, n_read: int, seconds: float) -> str:
    suffixes = [suffix for suffix in ALL_SUFFIXES if is_file(file_of(stem, suffix))]
    names = ",".join(suffix.removeprefix(".") for suffix in suffixes)
    weights = d.weights + (f" in blocks of {d.block}" if d.block else "")
    size = human_bytes(d.bin_size + d.param_size)
    line = f"wrote {stem}.{{{names}}}: {weights}, {size} in {seconds:.1f} s"
    line += f" (read {human_bytes(n_read / max(seconds, 1e-3))}/s)"
    return line if TOKENIZER_SUFFIX in suffixes else f"{line}; it has no tokenizer to go along"


def _version() -> str:
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "from source"


def _complain(message: str) -> None:
    say(f"{PROG}: error: " + " ".join(message.split()))


if __name__ == "__main__":
    run()
