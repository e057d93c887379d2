"""The command line's flags, as argparse tables. Parses; decides nothing and opens nothing."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from convert.formats import BLOCKS, FORMAT_NAMES
from convert.sources.synthetic import SHAPES

from . import __version__
from .chat.chat_settings import ON_FULL
from .errors import UsageError
from .generation.settings import Sampling
from .text.templates.marked import TEMPLATES

SUBCOMMANDS = ("complete", "bench")

FLAGS = {"temperature": ("--temp", "--temperature"), "penalty_window": ("--repeat-last-n",)}
"""Sampling settings whose flag isn't simply their name."""


def chat_parser() -> argparse.ArgumentParser:
    """``llama2ncnn-chat [MODEL] [PROMPT]``."""
    parser = _parser(
        "llama2ncnn-chat",
        "Chat with a Llama-2-family model. With a prompt, or with text on standard input, it "
        "answers once; without, it is a conversation.",
        "Also: llama2ncnn-chat complete MODEL PROMPT N, llama2ncnn-chat bench MODEL, "
        "and llama2ncnn-convert. --help after each tells more.",
    )
    model = f"{MODEL_HELP}; the small one that comes along if none is named"
    parser.add_argument("model", metavar="MODEL", nargs="?", help=model)
    parser.add_argument("prompt_words", metavar="PROMPT", nargs="?", help="a prompt to answer")
    parser.add_argument("--raw", action="store_true", help="no template: complete the prompt")
    _add_conversation_flags(parser)
    _add_generation_flags(parser)
    return parser


def _add_conversation_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("conversation")
    system = group.add_mutually_exclusive_group()
    names = ("--system", "--system-prompt", "-sys")
    _add_hidden(system, names, metavar="TEXT", dest="system", help="the system prompt")
    system.add_argument("--system-file", type=Path, metavar="FILE", help="the same, from a file")
    which = group.add_mutually_exclusive_group()
    which.add_argument(
        "-c", "--continue", dest="latest", action="store_true", help="go on with the last session"
    )
    which.add_argument(
        "--resume", nargs="?", const="", metavar="ID", help="go on with this session, or choose one"
    )
    which.add_argument("--pick", action="store_true", help="choose one of the models at hand")
    group.add_argument("--template", choices=TEMPLATES, help="how turns are put to the model")
    group.add_argument("--on-full", choices=ON_FULL, help="what to do when the context is full")
    group.add_argument("--no-save", **_off("save"), help="keep no session")
    group.add_argument("--no-kv-cache", **_off("kv_cache"), help="keep no KV cache of sessions")
    face = parser.add_argument_group("terminal")
    face.add_argument("--plain", action="store_true", default=None, help="line by line")
    face.add_argument(
        "--tui", dest="plain", action="store_false", default=None, help="the whole screen"
    )
    face.add_argument("--screen-reader", action="store_true", default=None, help="no redrawing")
    face.add_argument("--color", choices=("auto", "always", "never"))
    face.add_argument(
        "--vi", action="store_true", default=None, help="vi keys (with --plain, all of them)"
    )
    face.add_argument("--no-history", **_off("history"), help="keep nothing of what is typed")


def _off(name: str) -> dict[str, Any]:
    # None is "not given", so that the environment and config.toml are asked.
    return {"dest": name, "action": "store_false", "default": None}


def _add_hidden(group: Any, names: tuple[str, ...], **options: Any) -> None:
    """The first name in the help; the others, known from other programs, only work."""
    group.add_argument(names[0], **options)
    for name in names[1:]:
        group.add_argument(name, **{**options, "help": argparse.SUPPRESS})


def complete_parser() -> argparse.ArgumentParser:
    """``llama2ncnn-chat complete MODEL PROMPT N``."""
    parser = _parser("llama2ncnn-chat complete", "Complete a text: no template, no conversation.")
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument("prompt_words", metavar="PROMPT", nargs="?", help="the text to go on from")
    parser.add_argument("n", metavar="N", type=_natural, nargs="?", help="the same as -n N")
    _add_generation_flags(parser)
    return parser


def bench_parser() -> argparse.ArgumentParser:
    """``llama2ncnn-chat bench MODEL``."""
    parser = _parser("llama2ncnn-chat bench", "Measure a model's speed and memory here.")
    parser.add_argument("model", metavar="MODEL", nargs="?", help=MODEL_HELP)
    parser.add_argument(
        "--shape", choices=SHAPES, help="random weights of this size instead of a model"
    )
    parser.add_argument("-p", dest="n_prompt", type=_natural, default=256, metavar="N")
    parser.add_argument("-n", dest="n_decode", type=_natural, default=128, metavar="N")
    parser.add_argument(
        "-d",
        dest="depths",
        type=_naturals,
        default=(0,),
        metavar="N,N",
        help="how many tokens stand in the cache before the decode",
    )
    parser.add_argument("-r", dest="repeats", type=_positive, default=3, metavar="N")
    parser.add_argument("-t", "--threads", type=_positive, metavar="N")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    _add_conversion_flags(parser)
    return parser


MODEL_HELP = "a converted model (a stem, or one of its files) or a raw llama2.c checkpoint"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # One line like all other errors, where argparse would print the whole usage first.
        raise UsageError(message, f"{self.prog} --help shows the usage")


def _parser(prog: str, description: str, epilog: str | None = None) -> argparse.ArgumentParser:
    parser = _Parser(prog, description=description, epilog=epilog)
    parser.add_argument("--version", action="version", version=f"llama2ncnn-chat {__version__}")
    return parser


def _add_generation_flags(parser: argparse.ArgumentParser) -> None:
    prompt = parser.add_argument_group("prompt")
    prompt.add_argument("-p", "--prompt", metavar="TEXT", help="the prompt; - is standard input")
    prompt.add_argument("-f", "--file", type=Path, metavar="FILE", help="the prompt, from a file")
    sampling = parser.add_argument_group("sampling")
    for f in fields(Sampling):
        names = FLAGS.get(f.name, (f"--{f.name.replace('_', '-')}",))
        default, text = f.default, f"{f.metadata['help']} ({f.default})"
        _add_hidden(sampling, names, dest=f.name, type=type(default), metavar="X", help=text)
    sampling.add_argument("--seed", type=_natural, metavar="N", help="the same text every time")
    sampling.add_argument(
        "-n", "--max-tokens", type=_natural, metavar="N", help="stop after N tokens"
    )
    sampling.add_argument("--n-predict", dest="max_tokens", type=_natural, help=argparse.SUPPRESS)
    sampling.add_argument("--stop", action="append", metavar="TEXT", help="stop before this text")
    output = parser.add_argument_group("output")
    form = output.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object instead of text")
    form.add_argument("--ndjson", action="store_true", help="a JSON object per event, as it comes")
    output.add_argument("--stats", action="store_true", help="timings on stderr at the end")
    engine = parser.add_argument_group("engine")
    engine.add_argument("-t", "--threads", type=_positive, metavar="N")
    engine.add_argument("--ctx-size", type=_positive, metavar="N", help="a shorter context")
    engine.add_argument("--check", action="store_true", help="hold the weights' checksum first")
    _add_conversion_flags(parser)


def _add_conversion_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("a raw checkpoint, converted first")
    group.add_argument("--tokenizer", type=Path, metavar="FILE", help="its tokenizer.bin")
    group.add_argument("--weights", choices=FORMAT_NAMES, help="how its weights are kept")
    group.add_argument("--block", type=int, choices=BLOCKS, help="for q8, q6 and q4")
    group.add_argument("--keep-model", type=Path, metavar="STEM", help="keep it here, not cached")


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _natural(text: str) -> int:
    n = _whole(text)
    if n < 0:
        raise argparse.ArgumentTypeError(f"{n} is negative")
    return n


def _positive(text: str) -> int:
    n = _whole(text)
    if n < 1:
        raise argparse.ArgumentTypeError(f"{n} is not positive")
    return n


def _naturals(text: str) -> tuple[int, ...]:
    return tuple(_natural(part) for part in text.split(","))
