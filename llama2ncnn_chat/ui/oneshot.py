"""One prompt in, one text out, no terminal needed: an answer in a session, or a bare completion.

Writes what a sink makes of the events to stdout and everything else to stderr.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterable
from contextlib import closing
from types import FrameType
from typing import Any

from ..chat import phrases
from ..chat.chat import Chat
from ..errors import ChatError, UsageError
from ..events import ContextShifted, Event, Finished, used_up
from ..generation.completer import Draws, Limits
from ..generation.local import LocalCompleter, refuse_too_long
from ..generation.settings import Sampling
from ..launch.opening import find, load, load_tokenizer
from ..signals import ENDING
from .progress import Steps, tell
from .prompt_input import read_prompt
from .sinks import Sink, make_sink

INTERRUPTED = 130


def answer(chat: Chat, prompt: str, args: argparse.Namespace) -> int:
    """Send one message and write the reply: returns the exit code."""
    cancelled = _cancel_on_signals()

    def facts() -> dict[str, Any]:
        return {"seed": chat.view.last_seed, "model": chat.model.short, "session": chat.session_id}

    events = chat.send(prompt, cancelled=cancelled.is_set)
    for note in chat.pop_notes():
        tell(note)
    sink = make_sink(facts, as_json=args.json, as_ndjson=args.ndjson)
    with closing(events):  # what was written is kept, also when nobody reads any more
        return _drain(events, sink, args, chat.settings.max_tokens)


def complete(args: argparse.Namespace, sampling: Sampling, seed: int) -> int:
    """``llama2ncnn-chat complete``: returns the exit code."""
    prompt = read_prompt(args) or ""
    with Steps() as steps:
        model = find(args, steps.step)
    for note in model.notes:
        tell(note)
    tokenizer = load_tokenizer(model)
    ids = tokenizer.encode(prompt)
    # Before the weights are loaded: a refusal shouldn't take a minute.
    refuse_too_long(len(ids), args.ctx_size or model.desc.shape.context_length)
    max_tokens = args.max_tokens if getattr(args, "n", None) is None else args.n
    limits = Limits(max_tokens, tuple(args.stop), before=None if prompt else ())
    with Steps() as steps:
        engine = load(model, args, steps.step)
    cancelled = _cancel_on_signals()
    events = LocalCompleter(engine, tokenizer).complete(
        ids, sampling, Draws(seed), limits, cancelled=cancelled.is_set
    )
    sink = make_sink(
        lambda: {"seed": seed, "model": model.name}, as_json=args.json, as_ndjson=args.ndjson
    )
    return _drain(events, sink, args, max_tokens)


def refuse_empty(prompt: str) -> None:
    """Raise ``UsageError`` for a message that says nothing."""
    if not prompt.strip():
        raise UsageError("the prompt is empty", "say something, or leave it out for a conversation")


def _drain(events: Iterable[Event], sink: Sink, args: argparse.Namespace, limit: int | None) -> int:
    end = None
    for event in events:
        sink.take(event)
        if isinstance(event, Finished):
            end = event
        elif isinstance(event, ContextShifted):
            tell(phrases.shifted(event))
    if end is None:
        raise ChatError("the reply never ended")
    if end.reason == "length" and not used_up(limit, len(end.ids)):
        tell("the context is full: the text ends here")
    if args.stats:
        sys.stderr.write(_stats(end))
    return INTERRUPTED if end.reason == "cancelled" else 0


def _cancel_on_signals() -> threading.Event:
    """Set by the first Ctrl-C (SIGTERM, SIGHUP), so that what is written so far ends well; a
    second one ends at once."""
    cancelled = threading.Event()

    def handle(number: int, _frame: FrameType | None) -> None:
        cancelled.set()
        signal.signal(number, before[number])

    before = {number: signal.getsignal(number) for number in ENDING}
    for number in ENDING:
        signal.signal(number, handle)
    return cancelled


def _stats(end: Finished) -> str:
    t = end.timings
    return (
        f"prompt {t.prompt_n} tokens, {t.prompt_per_second:.1f} tok/s; "
        f"generated {t.predicted_n} tokens, {t.predicted_per_second:.1f} tok/s; {end.reason}\n"
    )
