"""From options to an open chat: the store, the session to resume, the model to load.

Knows no argparse and draws nothing; what is to be told goes to callbacks and into the chat's notes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from convert.chat_facts import ChatFacts
from convert.decoder import cache_bytes, codec_of_model
from convert.desc import ModelDesc
from convert.fingerprint import fingerprint_of
from convert.hub.names import is_hub_name
from convert.stated import NOTHING_STATED, stated_of

from ..catalogue.bundled import ABOUT, DEMO, STARTERS
from ..catalogue.listing import ListedModel, NamedWith, models_at_hand, models_to_fetch
from ..chat import phrases
from ..chat.chat import Chat
from ..chat.model_facts import ModelFacts
from ..chat.options import SETTINGS, with_values
from ..conversation.beginning import exchange
from ..conversation.renderer import first_that_fits, refuse_long_system, renderer_of
from ..conversation.settings import Settings
from ..errors import Advice, ChatError, UsageError
from ..paths import as_text, from_text
from ..storage.snapshots import SnapshotStore
from ..storage.store import SessionInfo, Store
from ..text.templates.marked import TEMPLATES
from ..text.vocabulary import Vocabulary
from .open_model import (
    OWN,
    Step,
    find,
    load,
    load_tokenizer,
    longer_note,
    padding_note,
    template_of,
)
from .options import Options

KEPT_DELETED = 30 * 86400.0
"""Seconds after which a deleted session is gone for good."""

TellWriting = Callable[[int], None]
"""Gets the size of a big snapshot, in bytes, before it is written."""


def list_models(options: Options) -> list[ListedModel]:
    """List the models to choose from; those of sessions too, if they can be read.

    Last come those that would be fetched first.
    """
    recent: dict[str, NamedWith] = {}
    with suppress(ChatError):  # what is wrong with the sessions, opening a chat will tell
        if store := _open_store(options):
            for info in filter(lambda info: info.model, store.list(one_shots=True)):
                recent.setdefault(from_text(info.model), _named_with(info))
            store.close()
    at_hand = models_at_hand(recent)
    return [*at_hand, *models_to_fetch(at_hand)]


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


def with_template(
    settings: Settings, desc: ModelDesc, facts: ChatFacts, vocabulary: Vocabulary
) -> tuple[Settings, str]:
    """Return the settings with the model's own template where none was asked for, and a note.

    Raises ``ModelError`` where the model's own isn't known or can't be rendered.
    """
    if settings.template:
        return settings, ""
    template, note = template_of(desc.template, facts, vocabulary)
    if desc.template == OWN and template is TEMPLATES["plain"]:
        note += f"; {phrases.ADVICE[Advice.GO_ON_WITH_TEXT]}"
    return replace(settings, template=template), note


def with_sampling(
    settings: Settings, sampling: Mapping[str, float], set_by_hand: frozenset[str]
) -> Settings:
    """Return the settings with the model's own sampling where nobody has set another.

    What is out of range is left out: the model's files are no person to tell.
    """
    for name, value in sampling.items():
        if name not in set_by_hand:
            with suppress(UsageError):
                settings = with_values(settings, {name: SETTINGS[name].parse(value)})
    return settings


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
        theirs: dict[str, Any] = {"tokenizer": None, **asdict(NOTHING_STATED)}
        named = picked.named.options if options.pick else theirs | picked.named.options
        return replace(options, model=picked.model, **named)
    if resumed and resumed.model and "model" not in options.given:
        named = _named_with(resumed).options
        named = {name: value for name, value in named.items() if name not in options.given}
        return replace(options, model=from_text(resumed.model), **named)
    return options


def _named_with(session: SessionInfo) -> NamedWith:
    return NamedWith(from_text(session.tokenizer), stated_of(session.stated))


def _new_chat(
    options: Options,
    store: Store | None,
    message: str | None,
    step: Step,
    tell_writing: TellWriting | None,
) -> Chat:
    model = find(options.model, options.tokenizer, options.conversion, step, check=options.check)
    facts, vocabulary = model.facts, load_tokenizer(model)
    settings, note = with_template(options.settings, model.desc, facts, vocabulary)
    settings = with_sampling(settings, facts.sampling, options.set_by_hand)
    ends = settings.template.ends if settings.template else ()
    vocabulary = vocabulary.with_ends(
        i for name in ends if (i := vocabulary.special(name)) is not None
    )
    # Before the weights are loaded: a refusal shouldn't take a minute.
    length = options.ctx_size or model.desc.shape.context_length
    refuse_long_system(renderer_of(settings, vocabulary), length)
    if message is not None:
        _refuse_message(message, vocabulary, replace(settings, beginning=options.begin), length)
    engine = load(
        model,
        step,
        threads=options.threads,
        context_length=options.ctx_size,
        check=options.check,
    )
    desc = model.desc
    by_context = desc.shape.rope.goes_by_context  # so a snapshot may be of another length's keys
    keeps_caches = options.kv_cache and options.save and not by_context
    snapshots = SnapshotStore(tell=tell_writing) if keeps_caches else None
    if store:
        for gone in store.purge_deleted(KEPT_DELETED):
            SnapshotStore().delete(gone)
    about = ModelFacts(
        as_text(_place_of(options.model)),
        fingerprint_of(desc),
        desc.weights,
        desc.bin_size,
        cache_bytes(desc.shape, codec_of_model(desc), engine.context_length),
        as_text(str(options.tokenizer.resolve())) if options.tokenizer else "",
        model.stated.text,
        *((ABOUT, STARTERS) if options.model == DEMO else ()),
    )
    given = options.given
    chat = Chat(engine, vocabulary, about, settings, given=given, store=store, snapshots=snapshots)
    chat.next_reply.begin_with(options.begin)
    resumes = options.latest or options.resume is not None  # where it was told at first sight
    first_sight = () if resumes else (note, padding_note(vocabulary))
    longer = longer_note(model, options.ctx_size)
    chat.notes += [
        said for said in (*options.notes, *model.notes, *first_sight, longer, engine.note) if said
    ]
    if by_context:
        n_tokens = f"{engine.context_length:,}"
        chat.notes.append(
            f"the model's RoPE goes by the context's length: fixed at {n_tokens} tokens"
        )
    return chat


def _refuse_message(
    text: str, vocabulary: Vocabulary, settings: Settings, context_length: int
) -> None:
    """Raise ``PromptTooLongError`` for a message that fits no context of that length."""
    renderer = renderer_of(settings, vocabulary)
    first_that_fits(
        renderer, exchange(renderer, [], text, settings.beginning), None, context_length
    )


def _place_of(model: str) -> str:
    """Return what finds the model again from any folder."""
    return model if model == DEMO or is_hub_name(model) else str(Path(model).resolve())
