"""The converter's command line: ``llama2ncnn-convert TinyLlama/ tiny.ncnn``.

Flags in, a model fetched if it is one of the Hub's, one call to ``pipeline.convert``, ``inspect``
or the chat's ``quality``, an exit code out; with ``progress`` all that prints. Knows nothing of
formats, and of the chat nothing but that it measures models.

Exit codes: 0, 1 can't write or out of memory, 2 usage, 3 the input is missing or invalid, 70 an
error in the program, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import platformdirs

from . import inspect, interrupts
from .arguments import PROG, complain, parse
from .crash import EXIT_CODE, keep_quiet, lack, unforeseen
from .desc import ModelDesc
from .errors import ConvertError
from .files import is_file
from .format_names import MIXED_FORMATS
from .formats.mixture import Matrices, format_matrices
from .hub.names import is_hub_name, parse_name
from .inspect import human_bytes
from .inspect_chat import ChatReport, format_chat_report, inspect_chat
from .pipeline import Importance, Progress, convert
from .progress import bytes_done, steps
from .seal import is_model, read_at_rest
from .stated import AUTO, OTHER_ORDER, Stated
from .stem import ALL_SUFFIXES, TOKENIZER_SUFFIX, file_of, stem_of
from .streams import OutputError, json_of, prepare, put, say


def run() -> NoReturn:
    """Run the command as the console script does, and exit."""
    keep_quiet(_crash_log())
    sys.exit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    prepare()
    try:
        with interrupts.raised():
            return _run(parse(argv))
    except SystemExit as e:  # argparse: --help, --version, usage
        return e.code if isinstance(e.code, int) else 2
    except ConvertError as e:
        complain(str(e))
        return e.exit_code
    except interrupts.Interrupted as e:
        complain(f"stopped by {e.signal.name}; no half-written file is left")
        return e.exit_code
    except BrokenPipeError:  # whoever read stdout has gone: leave as SIGPIPE would
        return 128 + 13
    except OutputError as e:
        complain(f"can't write to standard output: {e.strerror}")
        return 1
    except Exception as e:  # noqa: BLE001 - the last boundary: nobody could tell what it is
        missing = lack(e)
        complain(missing or unforeseen(e, _crash_log()))
        return 1 if missing else EXIT_CODE


def _crash_log() -> Path:
    """Return the path of the chat's own log, of which this package knows nothing."""
    return platformdirs.user_state_path("llama2ncnn", appauthor=False) / "logs" / "crash.log"


def _run(args: argparse.Namespace) -> int:
    if args.inspect:
        return _inspect(args)
    if args.report:
        return _report(args)
    model = _fetched(args.model, quiet=args.quiet)
    stem, n_read = stem_of(args.stem), 0
    weights, importance, eight_bits = args.weights and args.weights[0], None, None
    stated = _settled(args, model)
    if args.calibrate is not None:
        weights, importance = MIXED_FORMATS[0], _calibrated(args, model, stem.parent, stated)
    if args.target_bits is not None:
        weights, eight_bits = MIXED_FORMATS[0], _mixed(args, model, stem.parent, stated, importance)
    start = time.monotonic()
    with bytes_done(quiet=args.quiet) as report:

        def counted(p: Progress) -> None:
            nonlocal n_read
            n_read = p.n_bytes
            report(p.bytes, p.n_bytes, f"{p.tensors}/{p.n_tensors} tensors")

        d = convert(
            model,
            stem,
            weights=weights,
            block=args.block,
            tokenizer=args.tokenizer,
            stated=stated,
            importance=importance,
            eight_bits=eight_bits,
            progress=counted,
        )
    if not args.quiet:
        say(_summary(stem, d, n_read, time.monotonic() - start))
    return 0


def _stated(args: argparse.Namespace) -> Stated:
    return Stated(args.rope_theta, args.norm_eps, args.rope_order or AUTO)


def _settled(args: argparse.Namespace, model: Path) -> Stated:
    """Take what was typed, and what a text tells of the order of heads where nobody says it."""
    from llama2ncnn_chat.quality.rope_order import settled

    stated = _stated(args)
    with bytes_done(quiet=args.quiet) as report:

        def told(done: int, total: int) -> None:
            report(done, total, "to tell the order of heads")

        found = settled(stated, model, _path(args.tokenizer), told)
    if found != stated:
        say(f"{PROG}: {OTHER_ORDER}")
    return found


def _calibrated(args: argparse.Namespace, model: Path, folder: Path, stated: Stated) -> Importance:
    """Run a text through the model, for which this package takes the chat's engine."""
    from llama2ncnn_chat.quality.calibration import calibrate

    with bytes_done(quiet=args.quiet) as report:
        return calibrate(model, _text(args), _path(args.tokenizer), folder, report, stated)


def _mixed(
    args: argparse.Namespace,
    model: Path,
    folder: Path,
    stated: Stated,
    importance: Importance | None,
) -> Matrices:
    """Find out which matrices keep 8 bits, by the chat's engine too."""
    from llama2ncnn_chat.quality.mixing import measured_mixture

    with bytes_done(quiet=args.quiet) as report:
        mixture = measured_mixture(
            model,
            args.target_bits,
            _text(args),
            _path(args.tokenizer),
            folder,
            importance=importance,
            stated=stated,
            told=report,
        )
    if not args.quiet:
        say(
            f"{mixture.bits:.2f} bits a weight, 8 of them in "
            f"{format_matrices(mixture.eight_bits) or 'no matrix'}; KL from all in 8: "
            f"{mixture.kl:.4f} ({mixture.kl_few:.4f} before)"
        )
    return mixture.eight_bits


def _text(args: argparse.Namespace) -> Path:
    """Say what a model is measured by before it is converted."""
    from llama2ncnn_chat.quality.texts import OWN_TEXT

    return Path(args.calibrate) if isinstance(args.calibrate, str) else OWN_TEXT


def _path(name: str | None) -> Path | None:
    return Path(name) if name else None


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
    if args.verify and not is_model(path):
        raise ConvertError(f"{path}: has no checksums to verify", "name a converted model")

    def read() -> tuple[inspect.Report, ChatReport]:
        return inspect.inspect(path, checksums=args.verify), inspect_chat(path)

    report, chat = read_at_rest(path, read)
    text = inspect.format_report(report) + "\n" + format_chat_report(chat)
    if args.json:
        text = json_of(report.to_json() | {"chat": chat.to_json()}, indent=2) + "\n"
    put(text)
    return 0


def _report(args: argparse.Namespace) -> int:
    # The engine takes longer to import than a small model to convert.
    from llama2ncnn_chat.quality.measuring import quality_report
    from llama2ncnn_chat.quality.report import Wanted
    from llama2ncnn_chat.quality.table import format_quality_report

    model = _fetched(args.model, quiet=args.quiet)
    wanted = Wanted(
        args.weights or (),
        _path(args.text),
        args.tokens or Wanted.tokens,
        _path(args.tokenizer),
        _stated(args),
    )
    with steps(quiet=args.quiet) as step:
        report = quality_report(model, wanted, step)
    if args.json:
        put(json_of(report.to_json(), indent=2) + "\n")
    else:
        put(format_quality_report(report))
    return 0


def _summary(stem: Path, d: ModelDesc, n_read: int, seconds: float) -> str:
    suffixes = [suffix for suffix in ALL_SUFFIXES if is_file(file_of(stem, suffix))]
    names = ",".join(suffix.removeprefix(".") for suffix in suffixes)
    weights = d.weights + (f" in blocks of {d.block}" if d.block else "")
    size = human_bytes(d.bin_size + d.param_size)
    line = f"wrote {stem}.{{{names}}}: {weights}, {size} in {seconds:.1f} s"
    line += f" (read {human_bytes(n_read / max(seconds, 1e-3))}/s)"
    return line if TOKENIZER_SUFFIX in suffixes else f"{line}; it has no tokenizer to go along"


if __name__ == "__main__":
    run()
