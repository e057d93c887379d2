"""Fits a stored session to the model and the settings of now, and says what differs.

Pure functions, but for ``encode_anew``, which changes a ledger; knows no session and no store.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Protocol

from ..conversation.ledger import Ledger, Turn
from ..conversation.recorder import SessionMeta
from ..conversation.renderer import Renderer
from ..conversation.settings import Settings
from ..errors import UsageError
from ..text.messages import MESSAGES
from ..text.templates.stored import template_from
from ..text.templates.template import Template
from ..text.vocabulary import Vocabulary
from .model_facts import ModelFacts

SHOWN_DAMAGE = 5
"""So many damaged things are named."""


class Loaded(Protocol):
    """What of a loaded session matters here; see ``storage.store.LoadedSession``."""

    @property
    def meta(self) -> SessionMeta:
        """What it is besides its turns."""

    @property
    def ledger(self) -> Ledger:
        """Its turns."""

    @property
    def read_only(self) -> bool:
        """Whether what is sent goes into a copy."""

    @property
    def damage(self) -> tuple[str, ...]:
        """What of it couldn't be read."""

    @property
    def holder(self) -> int | None:
        """The process that has it, if known."""


def meta_of(model: ModelFacts, settings: Settings, template: Template, name: str) -> SessionMeta:
    """Return what a session of this model and with these settings is stored with."""
    return SessionMeta(
        model.name,
        model.fingerprint,
        template.to_dict(),
        settings.system,
        settings.sampling,
        name,
        model.tokenizer,
        model.stated,
    )


def resumed_settings(
    loaded: Loaded, settings: Settings, given: frozenset[str], own: Template
) -> Settings:
    """Return the stored settings, but for those that the person has ``given``.

    The template stays, whether it is built in or not; that of now takes the place of one that is
    damaged, and the model's ``own`` where either is for messages alone. Raises ``UsageError`` for
    one that this version can't read, or of which only a name is stored that isn't known (any more).
    """
    meta = loaded.meta
    mine = {name: value for name, value in asdict(settings.sampling).items() if name in given}
    try:
        template: Template | None = template_from(meta.template)
    except UsageError:
        if not loaded.damage:
            raise
        template = settings.template
    if MESSAGES in (own, template):
        template = own
    return replace(
        settings,
        template=template,
        system=settings.system if "system" in given else meta.system,
        sampling=replace(meta.sampling, **mine),
    )


def is_foreign(loaded: Loaded, fingerprint: str, template: Template, tokenizer: Vocabulary) -> bool:
    """Tell whether a session's ids are another tokenizer's, by those of its messages.

    Or lost: of damaged turns, or outside of the vocabulary.
    """
    meta, turns = loaded.meta, list(loaded.ledger.turns())
    if any(_is_lost(turn, tokenizer) for turn in turns):
        return True
    if meta.fingerprint == fingerprint and not loaded.damage:
        return False
    renderer = Renderer(template, tokenizer, meta.system)
    return any(
        turn.ids != renderer.message(turn.text, first=turn.parent is None)
        for turn in turns
        if turn.role == "user"
    )


def encoded_anew(ledger: Ledger, renderer: Renderer) -> list[tuple[Turn, list[int]]]:
    """Return what the ids of all turns would be, by their texts: the one time that text is encoded.

    Raises ``ChatError`` for a message that the template refuses.
    """
    vocabulary = renderer.vocabulary
    return [
        (
            turn,
            renderer.message(turn.text, first=turn.parent is None)
            if turn.role == "user"
            else vocabulary.encode(turn.text, bos=False),
        )
        for turn in ledger.turns()
    ]


def encode_anew(ledger: Ledger, renderer: Renderer) -> None:
    """Encode all turns again, whose ids mean nothing to this model."""
    for turn, ids in encoded_anew(ledger, renderer):
        turn.ids = ids
        if turn.role == "assistant":
            turn.runs, turn.choices = [], {}  # they tell how the old ids came about


def reads_the_same(ledger: Ledger, old: Renderer, new: Renderer) -> bool:
    """Tell whether the ids of all turns are for another model what they were for the old one.

    Raises ``ChatError`` for a message that its template refuses.
    """
    anew = encoded_anew(ledger, new)
    if any(_is_lost(turn, new.vocabulary) for turn, _ in anew):
        return False
    if any(turn.role == "user" and turn.ids != ids for turn, ids in anew):
        return False
    used = {token for turn, _ in anew for token in turn.ids}
    return all(old.vocabulary.piece(token) == new.vocabulary.piece(token) for token in used)


def resumed_notes(loaded: Loaded, fingerprint: str, *, foreign: bool) -> list[str]:
    """Say what is not as it was, a line each."""
    notes, copied = [], "what you send goes into a copy of it"
    if loaded.meta.fingerprint != fingerprint:
        model = Path(loaded.meta.model).name
        tokens = f", which has other tokens: {copied}" if foreign else ""
        notes.append(f"it was written with {model or 'a model that is not known'}{tokens}")
    elif foreign and not loaded.damage:
        notes.append(f"it has tokens that this model doesn't know: {copied}")
    if loaded.damage:
        shown, more = loaded.damage[:SHOWN_DAMAGE], len(loaded.damage) - SHOWN_DAMAGE
        what = ", ".join(shown) + (f" and {more} more" if more > 0 else "")
        notes.append(f"it is damaged, and stays as it is ({what}): {copied}")
    elif loaded.read_only:
        holder = f" (process {loaded.holder})" if loaded.holder else ""
        notes.append(f"another program has it open{holder}: {copied}")
    return notes


def _is_lost(turn: Turn, tokenizer: Vocabulary) -> bool:
    """Tell whether a turn's ids can't be those of its text."""
    if turn.text.strip() and not turn.ids:
        return True
    return max(turn.ids, default=0) >= tokenizer.vocab_size
