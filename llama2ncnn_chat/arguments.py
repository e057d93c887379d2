"""The command line: argparse's parsers, made from the table of options, and what was typed.

Reads no value and decides nothing: what was typed goes to ``launch.options`` by name, as it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from convert.streams import put

from . import __version__
from .chat.option import Option
from .chat.options import SETTINGS
from .errors import UsageError
from .launch.engine_options import GROUP as ELSEWHERE
from .launch.models_options import MODELS_OPTIONS
from .launch.options import BENCH_OPTIONS, OPTIONS
from .launch.serve_options import SERVE_OPTIONS

SUBCOMMANDS = ("complete", "bench", "models", "serve")

GROUPS = (
    "",
    "conversation",
    "terminal",
    "prompt",
    "sampling",
    "output",
    ELSEWHERE,
    "engine",
    "a model that is converted first",
)
"""The headings of --help, in order; those without one stand among argparse's own."""

COMPLETE_GROUPS = GROUPS[3:]

SERVE_GROUPS = ("server", "sampling", *GROUPS[-2:])

INSTEAD = (("system", "system_file"), ("latest", "resume", "pick"), ("json", "ndjson"))
"""Options of which a command line may have one."""


ABOUT = """\
Chat with a model of the Llama family. With a prompt, or with text on standard
input, it answers once; without, it is a conversation."""

EXAMPLES = """\
examples:
  llama2ncnn-chat                           the small model that comes along
  llama2ncnn-chat --pick                    choose one that is here, or get one
  llama2ncnn-chat hf:Qwen/Qwen3-0.6B        fetch one from the Hub, and chat
  llama2ncnn-chat mistral-7b.Q4_K_M.gguf    a file that is here
  llama2ncnn-chat -p "Tell me a joke"       one answer, and no more
  llama2ncnn-chat -c                        go on with the last session"""

ALSO = """\
Also: llama2ncnn-chat complete MODEL PROMPT N, llama2ncnn-chat bench MODEL,
llama2ncnn-chat models, llama2ncnn-chat serve MODEL, and llama2ncnn-convert.
--help after each tells more."""


def parse(command: str, argv: Sequence[str]) -> dict[str, Any]:
    """Return what was typed, by the names of the options. Raises ``UsageError``.

    ``command`` is "chat" or one of ``SUBCOMMANDS``. ``--help`` and ``--version`` end the program.
    """
    return vars(PARSERS[command]().parse_args(argv))


def chat_parser() -> argparse.ArgumentParser:
    """Make the parser of ``llama2ncnn-chat [MODEL] [PROMPT]``."""
    parser = _parser(
        "llama2ncnn-chat",
        "[MODEL] [PROMPT]",
        f"{ABOUT}\n\n{EXAMPLES}",
        ALSO,
    )
    model, words = (option for option in OPTIONS if option.positional)
    _add_argument(parser, model, f"{model.help}; the small one that comes along if none is named")
    _add_argument(parser, words, words.help)
    _add_flags(parser, OPTIONS, GROUPS)
    return parser


def complete_parser() -> argparse.ArgumentParser:
    """Make the parser of ``llama2ncnn-chat complete MODEL PROMPT N``."""
    parser = _parser(
        "llama2ncnn-chat complete",
        "MODEL [PROMPT] [N]",
        "Complete a text: no template, no conversation.",
    )
    model, words = (option for option in OPTIONS if option.positional)
    _add_argument(parser, model, model.help, nargs=None)
    _add_argument(parser, words, "the text to go on from")
    _add_argument(parser, SETTINGS["max_tokens"], "the same as -n N")
    _add_flags(parser, OPTIONS, COMPLETE_GROUPS)
    return parser


def bench_parser() -> argparse.ArgumentParser:
    """Make the parser of ``llama2ncnn-chat bench MODEL``."""
    parser = _parser("llama2ncnn-chat bench", "[MODEL]", "Measure a model's speed and memory here.")
    (model,) = (option for option in BENCH_OPTIONS if option.positional)
    _add_argument(parser, model, model.help)
    _add_flags(parser, BENCH_OPTIONS, GROUPS)
    return parser


def models_parser() -> argparse.ArgumentParser:
    """Make the parser of ``llama2ncnn-chat models [ACTION] [NAME]``."""
    parser = _parser(
        "llama2ncnn-chat models",
        "[ACTION] [NAME]",
        "The models there are, and the room that conversions take.",
    )
    for option in MODELS_OPTIONS:
        if option.positional:
            _add_argument(parser, option, option.help)
    _add_flags(parser, MODELS_OPTIONS, GROUPS)
    return parser


def serve_parser() -> argparse.ArgumentParser:
    """Make the parser of ``llama2ncnn-chat serve [MODEL]``."""
    parser = _parser(
        "llama2ncnn-chat serve", "[MODEL]", "Answer other programs, as OpenAI's API does."
    )
    model, _ = (option for option in OPTIONS if option.positional)
    _add_argument(parser, model, model.help)
    _add_flags(parser, (*SERVE_OPTIONS, *OPTIONS), SERVE_GROUPS)
    return parser


PARSERS = {
    "chat": chat_parser,
    "complete": complete_parser,
    "bench": bench_parser,
    "models": models_parser,
    "serve": serve_parser,
}


class _Parser(argparse.ArgumentParser):
    def _print_message(self, message: str, _file: object = None) -> None:
        put(message)

    def error(self, message: str) -> NoReturn:
        # One line like all other errors, where argparse would print the whole usage first.
        raise UsageError(message, f"{self.prog} --help shows the usage")


def _parser(
    prog: str, words: str, description: str, epilog: str | None = None
) -> argparse.ArgumentParser:
    """Make a parser without arguments; ``words`` are those of its usage, texts are as they are."""
    parser = _Parser(
        prog,
        usage=f"{prog} [options] {words}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # What isn't typed isn't told, so that the environment and config.toml are asked.
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("--version", action="version", version=f"llama2ncnn-chat {__version__}")
    return parser


def _add_argument(
    parser: argparse.ArgumentParser, option: Option, help: str, nargs: str | None = "?"
) -> None:
    parser.add_argument(option.name, metavar=option.metavar, nargs=nargs, help=help)


def _add_flags(
    parser: argparse.ArgumentParser, options: Sequence[Option], groups: Sequence[str]
) -> None:
    for title in groups:
        members = [o for o in options if o.group == title and not o.positional]
        group: Any = parser.add_argument_group(title) if title and members else parser
        places = dict.fromkeys((option.name for option in members), group)
        for names in INSTEAD:
            if names[0] in places:
                places |= dict.fromkeys(names, group.add_mutually_exclusive_group())
        for option in members:
            _add_flag(places[option.name], option)


def _add_flag(group: Any, option: Option) -> None:
    """Add the flag of an option as ``--help`` has it, and then those that it doesn't show."""
    how = _value_of_flag(option)
    group.add_argument(*_flags(option), dest=option.name, help=_help(option), **how)
    for flag in option.hidden_flags:
        group.add_argument(flag, dest=option.name, help=argparse.SUPPRESS, **how)
    if option.contrary:
        flag, about = option.contrary
        group.add_argument(flag, dest=option.name, help=about, action="store_const", const=False)


def _flags(option: Option) -> tuple[str, ...]:
    name = option.name.replace("_", "-")
    return option.flags or (f"--no-{name}" if option.default is True else f"--{name}",)


def _value_of_flag(option: Option) -> dict[str, Any]:
    if option.is_switch:
        return {"action": "store_const", "const": option.default is not True}
    how: dict[str, Any] = {"metavar": option.metavar or f"{{{','.join(option.choices)}}}"}
    if option.many:
        how["action"] = "append"
    if option.bare is not None:
        how |= {"nargs": "?", "const": option.bare}
    return how


def _help(option: Option) -> str:
    if option.is_switch:
        return option.help
    default = option.unset
    if isinstance(option.default, (int, float)):
        default = option.show(option.default)
    return f"{option.help} ({default})" if default != "" else option.help
