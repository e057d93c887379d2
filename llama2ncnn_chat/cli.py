"""The command line: flags to settings to objects to a face, and the one error boundary.

Everything a person gets wrong ends here as one line on stderr and an exit code.
"""

from __future__ import annotations

import argparse
import io
import json
import secrets
import signal
import sys
from collections.abc import Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from types import FrameType

from . import flags
from .catalogue.listing import ListedModel
from .chat import phrases
from .chat.chat import Chat
from .chat.chat_settings import with_value
from .conversation.settings import Settings
from .errors import ChatError, Terminated, UsageError
from .generation.settings import Sampling
from .launch.config import fill_in
from .launch.opening import (
    Step,
    find,
    list_models,
    load_tokenizer,
    open_chat,
    open_store,
    refuse_message,
    resume,
    session_to_resume,
    with_template,
)
from .signals import TERMINATE
from .ui.oneshot import answer, complete, refuse_empty
from .ui.progress import Steps, tell_writing
from .ui.prompt_input import has_prompt, read_prompt, read_text
from .ui.sinks import discard_output
from .ui.terminal import is_interactive, wants_colour

INTERRUPTED = 130
BROKEN_PIPE = 141


def main(argv: Sequence[str]) -> int:
    """Run the program; returns its exit code."""
    command, rest = ("chat", argv)
    if argv and argv[0] in flags.SUBCOMMANDS:
        command, rest = argv[0], argv[1:]
    _end_like_an_interrupt()
    _write_whatever_comes()
    try:
        args = getattr(flags, f"{command}_parser")().parse_args(rest)
        return {"chat": _chat, "complete": _complete, "bench": _bench}[command](args)
    except ChatError as e:
        _say_error(e, as_json=not {"--json", "--ndjson"}.isdisjoint(rest))
        return e.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        discard_output()
        return BROKEN_PIPE


def _chat(args: argparse.Namespace) -> int:
    if args.pick and (args.raw or args.model is not None):
        raise UsageError("--pick asks which model to chat with", "leave out MODEL and --raw")
    if args.raw:
        return _complete(args)
    chosen = args.model
    # With --plain a pipe is what a person types, line by line.
    typed = args.plain and not has_prompt(args)
    given = fill_in(args) | ({"system"} if args.system_file else set())
    settings = _chat_settings(args)
    prompt = None if typed else read_prompt(args)
    if prompt is not None:
        refuse_empty(prompt)
        if args.resume == "":
            raise UsageError("which session?", "--resume ID, or -c for the last one")
    begin = partial(_begin, args, chosen is not None or "model" in given, settings, given, prompt)
    if prompt is None and _wants_screen(args):
        from .ui.tui.face import run

        return run(
            begin,
            partial(list_models, args),
            keeps_history=args.history,
            colour=wants_colour(args.color),
            chooses=args.resume == "",
            picks=args.pick,
            vi=args.vi,
        )
    if args.pick:
        raise UsageError("--pick needs the whole screen, and no prompt", "name a MODEL instead")
    with Steps() as steps:
        chat = begin(steps.step, None)
    try:
        return _lines(chat, args) if prompt is None else answer(chat, prompt, args)
    finally:
        chat.close()


def _begin(
    args: argparse.Namespace,
    named: bool,
    settings: Settings,
    given: frozenset[str],
    prompt: str | None,
    step: Step,
    picked: ListedModel | None,
) -> Chat:
    """From flags to a chat; ``named`` tells whether the model was, ``step`` is told of progress.

    A model that was ``picked`` goes before all of them, and begins a new session: with the
    tokenizer that it was used with, or else the one named beside ``--pick``.
    """
    args = argparse.Namespace(**vars(args))  # another model may be picked later
    store = open_store(args)
    try:
        resumed = None if picked else session_to_resume(args, store)
        if picked:
            args.model = picked.model
            if picked.tokenizer or not args.pick:
                args.tokenizer = Path(picked.tokenizer) if picked.tokenizer else None
        elif resumed and not named:
            args.model = resumed.model
            if resumed.tokenizer and not args.tokenizer:
                args.tokenizer = Path(resumed.tokenizer)
        model = find(args, step)
        tokenizer, settings = load_tokenizer(model), with_template(settings, model.desc)
        if prompt is not None:
            # Before the weights are loaded: a refusal shouldn't take a minute.
            refuse_message(
                prompt, tokenizer, settings, args.ctx_size or model.desc.shape.context_length
            )
        chat = open_chat(args, model, tokenizer, settings, given, store, step, tell_writing)
    except BaseException:
        if store:
            store.close()
        raise
    try:
        if not picked:
            resume(chat, args, resumed)
    except BaseException:
        chat.close()
        raise
    return chat


def _wants_screen(args: argparse.Namespace) -> bool:
    """Whether the conversation takes the whole screen. ``args.plain`` is None if nobody said."""
    if args.plain is False and not is_interactive():
        raise UsageError("--tui needs a terminal", "leave it out to chat line by line")
    # Text that is never drawn again is the other face's.
    return not (args.plain or args.screen_reader) and is_interactive()


def _lines(chat: Chat, args: argparse.Namespace) -> int:
    """The conversation line by line."""
    from .ui.repl.face import run

    return run(chat, args)


def _complete(args: argparse.Namespace) -> int:
    fill_in(args)
    return complete(args, _sampling(args), _seed(args))


def _chat_settings(args: argparse.Namespace) -> Settings:
    system = read_text(args.system_file).strip() if args.system_file else args.system
    settings = Settings(
        system=system,
        sampling=_sampling(args),
        max_tokens=args.max_tokens,
        stops=tuple(args.stop),
        seed=args.seed,
        on_full=args.on_full,
    )
    return with_value(settings, "template", args.template) if args.template else settings


def _bench(args: argparse.Namespace) -> int:
    from .ui.bench import bench

    return bench(args)


def _sampling(args: argparse.Namespace) -> Sampling:
    return Sampling(**{f.name: getattr(args, f.name) for f in fields(Sampling)})


def _seed(args: argparse.Namespace) -> int:
    return secrets.randbits(32) if args.seed is None else int(args.seed)


def _say_error(error: ChatError, *, as_json: bool) -> None:
    sys.stderr.write(f"llama2ncnn-chat: error: {phrases.sentence(error)}\n")
    if as_json and sys.stdout is not None:
        hint = phrases.hint(error)
        body = {"message": error.message, "hint": hint, "code": error.exit_code}
        sys.stdout.write(json.dumps({"error": body}) + "\n")


def _write_whatever_comes() -> None:
    """What an output's encoding doesn't have comes out as a question mark, not as an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _end_like_an_interrupt() -> None:
    """A terminated or hung-up process cleans up as an interrupted one does."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise Terminated

    for number in TERMINATE:
        signal.signal(number, interrupt)
