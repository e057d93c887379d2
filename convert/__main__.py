"""The converter's command line: ``llama2ncnn-convert TinyLlama/ tiny.ncnn``.

Flags in, a model fetched if it is one of the Hub's, one call to ``pipeline.convert`` or
``inspect``, an exit code out; the one place of the package that prints. Knows nothing of formats,
and of the chat nothing at all.

Exit codes: 0, 1 can't write, 2 usage, 3 the input is missing or invalid, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import NoReturn, TextIO

from . import inspect, interrupts
from .desc import FORMAT, ModelDesc
from .errors import ConvertError
from .files import is_file
from .formats import BLOCK_FORMATS, BLOCKS, FORMAT_NAMES
from .hub.names import is_hub_name, parse_name
from .inspect import human_bytes
from .inspect_chat import format_chat_report, inspect_chat
from .pipeline import Progress, convert
from .stem import ALL_SUFFIXES, TOKENIZER_SUFFIX, file_of, stem_of

PROG = "llama2ncnn-convert"
DISTRIBUTION = "llama2ncnn-chat"

Report = Callable[[int, int, str], None]
"""Is told bytes done, bytes in all, and what else there is to say."""


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
        usage="%(prog)s [options] MODEL STEM\n       %(prog)s --inspect MODEL",
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
        choices=FORMAT_NAMES,
        help="how to keep the matrices (default: q8, or q4 from 3 billion weights on; what is "
        "quantised goes by its own bits)",
    )
    add("--block", type=int, choices=BLOCKS, help="weights per scale of b8, b6 and b4 (default 64)")
    add("--tokenizer", metavar="FILE", help="tokenizer to carry (default: the model's own)")
    add("--quiet", action="store_true", help="no progress, no summary")
    add(
        "--inspect", action="store_true", help="describe a model, converted or not, convert nothing"
    )
    add("--verify", action="store_true", help="with --inspect: check a model's checksums")
    add("--json", action="store_true", help="with --inspect: as JSON")
    add("--version", action="version", version=f"{PROG} {_version()} (model format {FORMAT})")
    args = parser.parse_args(argv)
    problem = _problem(args)
    if problem:
        parser.error(problem)
    return args


def _problem(args: argparse.Namespace) -> str:
    """What is wrong with flags that argparse lets through, or nothing."""
    if args.inspect:
        given = [flag for flag in ("weights", "block", "tokenizer") if getattr(args, flag)]
        if given:
            return f"--{given[0]} doesn't go with --inspect"
        return "--inspect takes one MODEL" if args.stem is not None else ""
    if args.verify or args.json:
        return f"--{'verify' if args.verify else 'json'} goes with --inspect"
    if args.stem is None:
        return "STEM is missing: the name of the model to write"
    if args.block and args.weights not in BLOCK_FORMATS:
        return "--block goes with --weights b8, b6 or b4"
    if not stem_of(args.stem).name or args.stem.endswith(os.sep):
        return f"STEM {args.stem!r} names a folder: give the model a name in it"
    return ""


def _run(args: argparse.Namespace) -> int:
    if args.inspect:
        return _inspect(args)
    model = _fetched(args.model, quiet=args.quiet)
    stem, n_read, start = stem_of(args.stem), 0, time.monotonic()
    with _progress(quiet=args.quiet) as report:

        def counted(p: Progress) -> None:
            nonlocal n_read
            n_read = p.n_bytes
            report(p.bytes, p.n_bytes, f"{p.tensors}/{p.n_tensors} tensors")

        d = convert(
            model,
            stem,
            weights=args.weights,
            block=args.block,
            tokenizer=args.tokenizer,
            progress=counted,
        )
    if not args.quiet:
        _say(_summary(stem, d, n_read, time.monotonic() - start))
    return 0


def _fetched(model: str, *, quiet: bool) -> Path:
    """Fetch a model of the Hub; return where it lies, or any other as it is named."""
    if not is_hub_name(model):
        return Path(model)
    from .hub.fetch import fetch  # the Hub's client takes longer than a small model

    with _progress(quiet=quiet) as report:
        fetched = fetch(parse_name(model), lambda done, total: report(done, total, "fetched"))
    for note in fetched.notes:
        _say(f"{PROG}: {note}")
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
    if sys.stdout is None:  # closed by whoever started us
        return 0
    # A file name may hold bytes that are no text.
    encoding = sys.stdout.encoding
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()
    return 0


def _summary(stem: Path, d: ModelDesc, n_read: int, seconds: float) -> str:
    suffixes = [suffix for suffix in ALL_SUFFIXES if is_file(file_of(stem, suffix))]
    names = ",".join(suffix.removeprefix(".") for suffix in suffixes)
    weights = d.weights + (f" in blocks of {d.block}" if d.block else "")
    size = human_bytes(d.bin_size + d.param_size)
    line = f"wrote {stem}.{{{names}}}: {weights}, {size} in {seconds:.1f} s"
    line += f" (read {human_bytes(n_read / max(seconds, 1e-3))}/s)"
    return line if TOKENIZER_SUFFIX in suffixes else f"{line}; it has no tokenizer to go along"


@contextlib.contextmanager
def _progress(*, quiet: bool) -> Iterator[Report]:
    """A bar on a terminal, a line per tenth elsewhere."""
    stream = sys.stderr
    if quiet:
        yield lambda *_: None
    elif stream.isatty() and os.environ.get("TERM") != "dumb":
        with _bar(stream) as report:
            yield report
    else:
        yield _lines()


@contextlib.contextmanager
def _bar(stream: TextIO) -> Iterator[Report]:
    # Imported here: it takes longer than the conversion of a small model.
    from rich import progress
    from rich.console import Console

    bar = progress.Progress(
        progress.TextColumn("{task.fields[what]}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
        console=Console(file=stream),
        transient=True,
    )
    task = bar.add_task("", total=None, what="")

    def report(done: int, total: int, what: str) -> None:
        bar.update(task, completed=done, total=total, what=what)

    with bar:
        yield report


def _lines() -> Report:
    start, shown = time.monotonic(), 0

    def report(done: int, total: int, what: str) -> None:
        nonlocal shown
        tenth = 10 * done // max(1, total)
        if tenth > shown:
            shown = tenth
            rate = human_bytes(done / max(1e-3, time.monotonic() - start))
            sizes = f"{human_bytes(done)} of {human_bytes(total)}"
            _say(f"{10 * tenth:3}%  {sizes}  {what}  {rate}/s")

    return report


def _version() -> str:
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "from source"


def _complain(message: str) -> None:
    _say(f"{PROG}: error: " + " ".join(message.split()))


def _say(line: str) -> None:
    # Whether anyone reads stderr is no matter for the conversion.
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


if __name__ == "__main__":
    run()
