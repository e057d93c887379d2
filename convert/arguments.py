"""The flags of the converter's command, and which of them go together. Converts nothing."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from importlib import metadata
from typing import NoReturn

from .desc import FORMAT
from .format_names import BLOCK_FORMATS, BLOCKS, FORMAT_NAMES, MIXED_FORMATS
from .stated import ROPE_ORDERS
from .stem import stem_of
from .streams import put, say

PROG = "llama2ncnn-convert"
DISTRIBUTION = "llama2ncnn-chat"

NOT_WITH = {
    "inspect": (
        *("report", "weights", "block", "calibrate", "target_bits", "tokenizer", "text", "tokens"),
        *("rope_theta", "norm_eps", "rope_order"),
    ),
    "report": ("verify", "block", "calibrate", "target_bits"),
}
"""Flags that the two modes that convert nothing have no use for."""

GOES_WITH = {
    "verify": "--inspect",
    "json": "--inspect or --report",
    "text": "--report",
    "tokens": "--report",
}
MIN_TOKENS = 8


class _Parser(argparse.ArgumentParser):
    def _print_message(self, message: str, _file: object = None) -> None:
        put(message)

    def error(self, message: str) -> NoReturn:
        # One line, where argparse would print the whole usage first.
        complain(f"{message} (--help shows the usage)")
        self.exit(2)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the flags; exits with 2 and one line for those that make no sense."""
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
        help="how to keep the matrices (default: q8, or q4 from 3 billion weights on; what is "
        "quantised goes by its own bits)",
    )
    add("--block", type=int, choices=BLOCKS, help="weights per scale of b8, b6 and b4 (default 64)")
    add(
        "--calibrate",
        metavar="FILE",
        nargs="?",
        const=True,
        help="to q4, its steps weighed by what the model makes of a text (default: a short one)",
    )
    add(
        "--target-bits",
        type=float,
        metavar="B",
        help="to q4, of B bits a weight at most: 8 for the matrices to which that is worth most, "
        "by measuring what it brings",
    )
    add("--tokenizer", metavar="FILE", help="tokenizer to carry (default: the model's own)")
    add("--rope-theta", type=float, metavar="X", help="RoPE's theta, where the files don't say it")
    add("--norm-eps", type=float, metavar="X", help="the norms' epsilon, where they don't say it")
    add(
        "--rope-order",
        choices=ROPE_ORDERS,
        help="of a llama2.c checkpoint, which numbers of a head make a pair: neighbours, or those "
        "of its halves (default auto: as a text makes sense, else interleaved)",
    )
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
            return f"--{given[0].replace('_', '-')} doesn't go with --{mode}"
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
    for flag in ("calibrate", "target_bits"):
        name = flag.replace("_", "-")
        if getattr(args, flag) is None:
            continue
        if not {*(args.weights or MIXED_FORMATS)} <= {*MIXED_FORMATS}:
            return f"--{name} goes with --weights {' or '.join(MIXED_FORMATS)}"
    if args.block and not {*(args.weights or ())} & BLOCK_FORMATS.keys():
        return "--block goes with --weights b8, b6 or b4"
    if not stem_of(args.stem).name or args.stem.endswith(os.sep):
        return f"STEM {args.stem!r} names a folder: give the model a name in it"
    return ""


def _version() -> str:
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "from source"


def complain(message: str) -> None:
    """Say what is wrong, in one line."""
    say(f"{PROG}: error: " + " ".join(message.split()))
