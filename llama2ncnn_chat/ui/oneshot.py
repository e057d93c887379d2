"""One prompt in, one text out, no terminal needed: an answer in a session, or a bare completion.

Writes what a sink makes of the events to stdout and everything else to stderr.
"""

from __future__ import annotations

import secrets
import signal
import sys
import threading
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from types import FrameType
from typing import Any

from convert.streams import is_terminal, note

from ..chat import phrases
from ..chat.chat import Chat
from ..chat.logprobs import Logprobs
from ..errors import ChatError, UsageError
from ..events import ContextShifted, Event, Finished, ReadAgain, TurnFinished, used_up
from ..generation.completer import Draws, Limits, refuse_too_long
from ..launch.options import Options
from ..launch.prepare import prepare
from ..signals import ENDING
from ..text.templates.marked import TEMPLATES
from ..text.vocabulary import Vocabulary
from .progress import Steps
from .prompt_input import read_prompt
from .sinks import Sink, make_sink
from .telling import tell
from .terminal import wants_colour

INTERRUPTED = 130


def answer(chat: Chat, prompt: str, options: Options) -> int:
    """Send one message and write the reply: returns the exit code."""
    cancelled = _cancel_on_signals()

    def facts() -> dict[str, Any]:
        return {"seed": chat.view.last_seed, "model": chat.model.short, "session": chat.session_id}

    is_new = chat.session_id is None
    events = chat.send(prompt, cancelled=cancelled.is_set)
    _tell_notes(chat)
    sink = make_sink(
        facts,
        as_json=options.json,
        as_ndjson=options.ndjson,
        logprobs=_logprobs(options, chat.vocabulary, begins=True),
        dims=is_terminal(sys.stdout) and wants_colour(options.color),
    )
    with closing(events):  # what was written is kept, also when nobody reads any more
        code = _drain(events, sink, chat.settings.max_tokens, stats=options.stats)
    if is_new and chat.store and chat.session_id is not None:
        chat.store.mark_one_shot(chat.session_id)
    _tell_notes(chat)
    return code


def _tell_notes(chat: Chat) -> None:
    for each in chat.pop_notes():
        tell(each)


def complete(options: Options) -> int:
    """Complete a prompt without a template; returns the exit code."""
    settings, prompt = options.settings, read_prompt(options) or ""
    seed = secrets.randbits(32) if settings.seed is None else settings.seed
    # The model's own template may be one that can't be rendered: nobody needs it.
    without = replace(options, settings=replace(settings, template=TEMPLATES["plain"]))
    with Steps() as steps:
        model = prepare(without, steps.step)
    if not model.vocabulary.ids_are_tokens:
        raise UsageError(f"{model.facts.weights} takes messages, and no text without a template")
    for each in (*options.notes, *model.notes, *model.first_notes):
        tell(each)
    ids = model.vocabulary.encode(prompt)
    # Before the weights are loaded: a refusal shouldn't take a minute.
    refuse_too_long(len(ids), model.context_length)
    limits = Limits(
        settings.max_tokens,
        settings.stops,
        before=None if prompt else (),
        schema=settings.schema.text if settings.schema else None,
    )
    with Steps() as steps:
        completer = model.load(steps.step)
    cancelled = _cancel_on_signals()
    sink = make_sink(
        lambda: {"seed": seed, "model": model.facts.short},
        as_json=options.json,
        as_ndjson=options.ndjson,
        logprobs=_logprobs(options, model.vocabulary, begins=not prompt),
    )
    with closing(completer):
        events = completer.complete(
            ids,
            settings.sampling,
            Draws(seed),
            limits,
            wants_choices=settings.wants_choices,
            cancelled=cancelled.is_set,
        )
        return _drain(events, sink, limits.max_tokens, stats=options.stats)


def refuse_empty(prompt: str) -> None:
    """Raise ``UsageError`` for a message that says nothing."""
    if not prompt.strip():
        raise UsageError("the prompt is empty", "say something, or leave it out for a conversation")


def _logprobs(options: Options, vocabulary: Vocabulary, *, begins: bool) -> Logprobs | None:
    """Return what tells of tokens, if that is asked for."""
    n = options.settings.logprobs
    if n is not None and not vocabulary.ids_are_tokens:
        if "logprobs" in options.given:
            tell(f"--logprobs has no effect: {phrases.NO_TOKENS}")
        return None
    if n is not None and "logprobs" in options.given and not (options.json or options.ndjson):
        tell("--logprobs has no effect without --json or --ndjson")
    return None if n is None else Logprobs(vocabulary, n, begins=begins)


def _drain(events: Iterable[Event], sink: Sink, limit: int | None, *, stats: bool) -> int:
    end = None
    for event in events:
        sink.feed(event)
        if isinstance(event, Finished):
            end = event
        elif isinstance(event, ContextShifted):
            tell(phrases.shifted(event))
        elif isinstance(event, ReadAgain):
            tell(phrases.put_otherwise(event))
    if end is None:
        raise ChatError("the reply never ended")
    if end.reason == "length" and (full := _no_room(end, limit)):
        tell(f"{full}: the text ends here")
    if end.json_cut:
        tell(phrases.CUT_JSON)
    if stats:
        note(_stats(end))
    return INTERRUPTED if end.reason == "cancelled" else 0


def _no_room(end: Finished, limit: int | None) -> str:
    """Say what other limit than that of max_tokens a text has come to; nothing if it was that."""
    if isinstance(end, TurnFinished):
        return phrases.no_room(end.row) if end.row.max_tokens_reached is None else ""
    return "" if used_up(limit, len(end.ids)) else phrases.FULL


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
    if not t.are_counted:
        first, rest = t.prompt_ms / 1000, t.predicted_ms / 1000
        return f"first text after {first:.2f} s, generated in {rest:.2f} s; {end.reason}\n"
    return (
        f"prompt {t.prompt_n} tokens, {t.prompt_per_second:.1f} tok/s; "
        f"generated {t.predicted_n} tokens, {t.predicted_per_second:.1f} tok/s; {end.reason}\n"
    )
