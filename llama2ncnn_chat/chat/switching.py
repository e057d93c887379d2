"""Opens another model in mid-conversation: finds it, frees the one before, loads it, and goes on.

What can't be is refused before anything is freed; where loading fails or is stopped, the one before
is opened again. Knows no files and no face.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from typing import TypeVar

from ..conversation.renderer import refuse_long_system, renderer_of
from ..conversation.settings import Settings
from ..errors import ChatError, ModelError
from ..events import Event, Events, ModelProgress, Report, Step
from ..generation.completer import Completer, never
from ..generation.local import LocalCompleter
from ..generation.settings import RANGES
from ..model.engine import Cancelled
from ..model.no_engine import NoEngine
from .chat import Chat
from .chat_model import ChatModel
from .options import values_of, with_values
from .resuming import reads_the_same

T = TypeVar("T")
Waiting = Generator[Event, None, T]

POLL_SECONDS = 0.05


def open_model(chat: Chat, name: str, *, cancelled: Cancelled = never) -> Events:
    """Go on with the model of that name. Raises ``ChatError``, and then all is as it was."""
    return chat.session.claim(_steps(chat, name, cancelled))


def _steps(chat: Chat, name: str, cancelled: Cancelled) -> Generator[Event, None, None]:
    if chat.models is None:
        raise ChatError("no other model can be opened here")
    new = yield from _watched(partial(chat.models.find, name, chat.named_template), cancelled)
    settings = settings_with(chat, new)
    renderer = renderer_of(settings, new.vocabulary)
    refuse_long_system(renderer, new.context_length)
    same = reads_the_same(chat.session.ledger, chat.session.renderer, renderer)
    before, settings_before = chat.free_model(), chat.settings
    try:
        completer = yield from _watched(new.load, cancelled)
    except KeyboardInterrupt:  # on the way out
        raise
    except BaseException:
        chat.use_model(before, _opened_again(before, chat), settings_before, anew=False)
        raise
    chat.use_model(new, completer, settings, anew=not same)
    chat.notes.insert(0, _told(chat, new, same=same))
    chat.notes += [*new.first_notes, *new.notes, *filter(None, [completer.note])]


def settings_with(chat: Chat, new: ChatModel) -> Settings:
    """Return the settings as they are with another model.

    What nobody has set, and the template too, is the new one's own where the old one had its own.
    """
    old, now, usual = chat.chat_model, values_of(chat.settings), values_of(Settings())
    sampling = {
        name: new.sampling.get(name, usual[name])
        for name in RANGES
        if name not in chat.set_by_hand and now[name] == old.sampling.get(name, usual[name])
    }
    return replace(with_values(chat.settings, sampling), template=new.template)


def _told(chat: Chat, new: ChatModel, *, same: bool) -> str:
    said = f"{new.facts.short} answers from now on"
    if same:
        return said
    copied = "what you send goes into a copy" if chat.read_only else "all is encoded anew"
    return f"{said}; it reads text as other tokens: {copied}"


def _opened_again(model: ChatModel, chat: Chat) -> Completer:
    """Load a model that was freed; where that can't be, there is none until another is opened."""
    try:
        return model.load(lambda _what: lambda _done, _total: None)
    except (ChatError, MemoryError, OSError):
        chat.notes.append(f"{model.facts.short} can't be opened again, either")
        return LocalCompleter(NoEngine(model.context_length, 1), model.vocabulary)


def _watched(work: Callable[[Step], T], cancelled: Cancelled) -> Waiting[T]:
    """Run ``work`` in a thread of its own; yields how far it is, and returns what it returns.

    Once ``cancelled`` it is stopped where it next tells of progress. Raises ``ChatError``.
    """
    told: deque[ModelProgress] = deque(maxlen=1)  # nobody needs more than the last
    stopped = threading.Event()

    def step(what: str) -> Report:
        def report(done: int, total: int) -> None:
            if stopped.is_set():
                raise ChatError("stopped", "the model before stays open")
            told.append(ModelProgress(what, done, total))

        return report

    with ThreadPoolExecutor(1) as pool:  # which waits for its thread, whatever ends this
        future = pool.submit(work, step)
        try:
            while not future.done():
                wait([future], POLL_SECONDS)
                if cancelled():
                    stopped.set()
                if told:
                    yield told.pop()
        finally:
            stopped.set()
    try:
        return future.result()
    except MemoryError as e:
        raise ModelError("there is too little memory for it", "close other programs") from e
