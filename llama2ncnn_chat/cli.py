"""The command line: what was typed to options to a chat to a face, inside the error boundary.

Everything a person gets wrong ends there as one line on stderr and an exit code. What opens a chat
and what answers once is imported late: a screen is drawn before.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

from convert.streams import prepare, put

from . import arguments
from .atomic import sweep_own_folders
from .errors import Terminated, UsageError
from .launch.config_text import config_text
from .launch.models_options import models_options_of
from .launch.options import OPTIONS, Options, bench_options_of, options_of
from .launch.serve_options import serve_options_of
from .signals import TERMINATE
from .ui.boundary import bounded, closed_after
from .ui.first_picture import first_picture
from .ui.prompt_input import has_prompt, read_named, read_prompt
from .ui.telling import tell, tell_writing
from .ui.terminal import is_interactive, wants_colour
from .ui.title import has_title

if TYPE_CHECKING:
    from .catalogue.listing import ListedModel
    from .chat.chat import Chat
    from .events import Step

WITHOUT_EFFECT = {"system", "system_file", "template", "latest", "resume", "on_full", "begin"}
"""What is about a conversation, of which a bare completion has none."""


def main(argv: Sequence[str]) -> int:
    """Run the program; returns its exit code."""
    return bounded(partial(_run, argv), argv)


def _run(argv: Sequence[str]) -> int:
    command, rest = ("chat", argv)
    if argv and argv[0] in arguments.SUBCOMMANDS:
        command, rest = argv[0], argv[1:]
    _end_like_an_interrupt()
    prepare()
    flags = arguments.parse(command, rest)
    sweep_own_folders()
    return COMMANDS[command](flags)


def _chat(flags: Mapping[str, Any]) -> int:
    if "print_config" in flags:  # also where the file that is there can't be read
        put(config_text(OPTIONS))
        return 0
    options = options_of(flags)
    if options.pick and (options.raw or "model" in flags):
        raise UsageError("--pick asks which model to chat with", "leave out MODEL and --raw")
    if options.engine is not None and options.pick:
        raise UsageError("--pick asks which model to chat with", "leave it out with --engine")
    if options.raw:
        for flag in sorted(options.given & WITHOUT_EFFECT):
            tell(f"--{flag.replace('_', '-')} has no effect with --raw")
        return _completed(options)
    if options.system_file:
        settings = replace(options.settings, system=read_named(options.system_file).strip())
        options = replace(options, settings=settings, given=options.given | {"system"})
    # With --plain a pipe is what a person types, line by line.
    typed = options.plain and not has_prompt(options)
    prompt = None if typed else read_prompt(options)
    if prompt is not None:
        from .ui.oneshot import refuse_empty

        refuse_empty(prompt)
        if options.resume == "":
            raise UsageError("which session?", "--resume ID, or -c for the last one")
    if prompt is None and (options.json or options.ndjson):
        raise UsageError("there is nothing to answer", "a prompt goes with --json and --ndjson")
    if prompt is None and sys.stdin is None:
        raise UsageError("standard input is closed", "name a prompt with -p")
    if prompt is None and _wants_screen(options):
        return _on_the_screen(options)
    if options.pick:
        raise UsageError("--pick needs the whole screen, and no prompt", "name a MODEL instead")
    return _line_by_line(options, prompt)


def _line_by_line(options: Options, prompt: str | None) -> int:
    """Answer the prompt, or chat without a screen where there is none."""
    from .launch.open_chat import open_chat
    from .ui.oneshot import answer
    from .ui.progress import Steps

    with Steps() as steps:
        chat = open_chat(options, steps.step, message=prompt, tell_writing=tell_writing)
    with closed_after(chat.close):
        return _lines(chat, options) if prompt is None else answer(chat, prompt, options)


def _wants_screen(options: Options) -> bool:
    """Tell whether the conversation takes the whole screen; ``plain`` is None if nobody said."""
    if options.plain is False and not is_interactive():
        raise UsageError("--tui needs a terminal", "leave it out to chat line by line")
    # Text that is never drawn again is the other face's.
    return not (options.plain or options.screen_reader) and is_interactive()


def _on_the_screen(options: Options) -> int:
    def begin(step: Step, picked: ListedModel | None) -> Chat:
        from .launch.open_chat import open_chat

        return open_chat(options, step, picked=picked, tell_writing=tell_writing)

    def models() -> list[ListedModel]:
        from .launch.open_chat import list_models

        return list_models(options)

    with first_picture(title=options.title and has_title()) as take_over:
        from .ui.tui.face import run

        return run(
            begin,
            models,
            take_over=take_over,
            keeps_history=options.history and options.save,
            colour=wants_colour(options.color),
            lists_sessions=options.resume == "",
            picks_model=options.pick,
            vi=options.vi,
            title=options.title,
            notify=options.notify,
        )


def _lines(chat: Chat, options: Options) -> int:
    from .ui.repl.face import run

    return run(chat, options)


def _complete(flags: Mapping[str, Any]) -> int:
    return _completed(options_of(flags))


def _completed(options: Options) -> int:
    from .ui.oneshot import complete

    return complete(options)


def _bench(flags: Mapping[str, Any]) -> int:
    from .ui.bench import bench

    return bench(bench_options_of(flags))


def _models(flags: Mapping[str, Any]) -> int:
    from .ui.models import models

    return models(models_options_of(flags))


def _serve(flags: Mapping[str, Any]) -> int:
    options, serving = options_of(flags), serve_options_of(flags)
    try:
        from .serve.face import run
    except ModuleNotFoundError as e:
        raise UsageError(
            f"serve needs the package {e.name}", 'pip install "llama2ncnn-chat[serve]" brings it'
        ) from None
    return run(options, serving)


COMMANDS = {
    "chat": _chat,
    "complete": _complete,
    "bench": _bench,
    "models": _models,
    "serve": _serve,
}


def _end_like_an_interrupt() -> None:
    """A terminated or hung-up process cleans up as an interrupted one does."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise Terminated

    for number in TERMINATE:
        signal.signal(number, interrupt)
