"""From options to an open chat: the store, the session to resume, the model to load.

Knows no argparse and draws nothing; what is to be told goes to callbacks and into the chat's notes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from ..catalogue.listing import ListedModel
from ..chat.chat import Chat
from ..chat.model_facts import place_elsewhere
from ..conversation.beginning import exchange
from ..conversation.renderer import first_that_fits, refuse_long_system, renderer_of
from ..conversation.settings import Settings
from ..errors import ChatError, UsageError
from ..events import Step
from ..paths import from_text
from ..storage.snapshots import SnapshotStore
from ..storage.store import SessionInfo, Store
from ..text.vocabulary import Vocabulary
from . import models
from .models import KnownModels, named_with, with_engine, with_picked
from .options import Options
from .prepare import prepare, with_sampling

KEPT_DELETED = 30 * 86400.0
"""Seconds after which a deleted session is gone for good."""

TellWriting = Callable[[int], None]
"""Gets the size of a big snapshot, in bytes, before it is written."""


def list_models(options: Options) -> list[ListedModel]:
    """List the models to choose from before there is a chat."""
    store = None
    with suppress(ChatError):  # what is wrong with the sessions, opening a chat will tell
        store = _open_store(options)
    try:
        return models.list_models(store)
    finally:
        if store:
            store.close()


def open_chat(
    options: Options,
    step: Step,
    *,
    picked: ListedModel | None = None,
    message: str | None = None,
    tell_writing: TellWriting | None = None,
) -> Chat:
    """Open the model and begin a new session, or go on with the one that the options name.

    A model that was ``picked`` goes before the options' and the session's, and begins a new
    session: with the tokenizer and all else that it was used with.
    ``step`` is told of progress. Raises ``ChatError``; for a ``message`` that fits no context,
    before the weights are loaded.
    """
    store = _open_store(options)
    try:
        resumed = None if picked else _session_to_resume(options, store)
        options = _with_model(options, picked, resumed)
        chat = _new_chat(options, store, message, step, tell_writing)
    except BaseException:
        if store:
            store.close()
        raise
    try:
        if resumed:
            chat.resume(resumed.id)
        elif options.latest and not picked:
            chat.notes.append("there is no session to go on with: this one is new")
    except BaseException:
        chat.close()
        raise
    return chat


def _open_store(options: Options) -> Store | None:
    """Open the person's sessions, unless nothing is to be saved. Raises ``ChatError``."""
    return Store.open() if options.save else None


def _session_to_resume(options: Options, store: Store | None) -> SessionInfo | None:
    """Find the one that the options name; None for a new one. Raises ``ChatError``."""
    if not options.latest and options.resume is None:
        return None
    if store is None:
        raise UsageError("sessions are not saved, nor read", "leave out --no-save")
    if options.latest:
        return store.latest()
    return store.find(options.resume) if options.resume else None


def _with_model(
    options: Options, picked: ListedModel | None, resumed: SessionInfo | None
) -> Options:
    """Name the model that was picked, or the session's where no other was named.

    What was named with it before comes along. Before a session's goes what was typed; a model that
    is picked takes of that what it lacks, where it stood beside ``--pick`` and not with another.
    """
    if picked:
        if not options.pick:
            return with_picked(options, picked)
        return replace(options, model=picked.model, **picked.named.options)
    if options.engine is not None:
        return options
    if resumed and resumed.model and "model" not in options.given:
        named = named_with(resumed).options
        named = {name: value for name, value in named.items() if name not in options.given}
        options = replace(options, **named)
        if elsewhere := place_elsewhere(from_text(resumed.model)):
            return with_engine(options, *elsewhere)
        return replace(options, model=from_text(resumed.model))
    return options


def _new_chat(
    options: Options,
    store: Store | None,
    message: str | None,
    step: Step,
    tell_writing: TellWriting | None,
) -> Chat:
    model = prepare(options, step)
    settings = replace(options.settings, template=model.template)
    settings = with_sampling(settings, model.sampling, options.set_by_hand)
    vocabulary, length = model.vocabulary, model.context_length
    # Before the weights are loaded: a refusal shouldn't take a minute.
    refuse_long_system(renderer_of(settings, vocabulary), length)
    if message is not None:
        _refuse_message(message, vocabulary, replace(settings, beginning=options.begin), length)
    completer = model.load(step)
    keeps_caches = options.kv_cache and options.save
    if store:
        for gone in store.purge_deleted(KEPT_DELETED):
            SnapshotStore().delete(gone)
    chat = Chat(
        completer,
        model,
        settings,
        given=options.given,
        set_by_hand=options.set_by_hand,
        template=options.settings.template,
        store=store,
        snapshots=SnapshotStore(tell=tell_writing) if keeps_caches else None,
        models=KnownModels(options, store),
    )
    chat.next_reply.begin_with(options.begin)
    resumes = options.latest or options.resume is not None  # where it was told at first sight
    first_notes = () if resumes else model.first_notes
    chat.notes += [*options.notes, *model.notes, *first_notes, *filter(None, [completer.note])]
    return chat


def _refuse_message(
    text: str, vocabulary: Vocabulary, settings: Settings, context_length: int
) -> None:
    """Raise ``PromptTooLongError`` for a message that fits no context of that length."""
    renderer = renderer_of(settings, vocabulary)
    first_that_fits(
        renderer, exchange(renderer, [], text, settings.beginning), None, context_length
    )
