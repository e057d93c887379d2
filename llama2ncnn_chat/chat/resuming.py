"""Fits a stored session to the model and the settings of now, and says what differs.

Pure functions, but for ``encode_anew``, which changes a ledger; knows no session and no store.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Protocol

from ..conversation.ledger import Ledger
from ..conversation.recorder import SessionMeta
from ..conversation.renderer import Renderer
from ..conversation.settings import Settings
from ..text.templates.stored import template_from
from ..text.templates.template import Template
from ..text.vocabulary import Vocabulary
from .model_facts import ModelFacts


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
        """Whether another program has it."""

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


def resumed_settings(meta: SessionMeta, settings: Settings, given: frozenset[str]) -> Settings:
    """Return the stored settings, but for those that the person has ``given``.

    The template stays, whether it is built in or not. Raises ``UsageError`` for one that this
    version can't read, or of which only a name is stored that isn't known (any more).
    """
    own = {name: value for name, value in asdict(settings.sampling).items() if name in given}
    return replace(
        settings,
        template=template_from(meta.template),
        system=settings.system if "system" in given else meta.system,
        sampling=replace(meta.sampling, **own),
    )


def is_foreign(loaded: Loaded, fingerprint: str, tokenizer: Vocabulary) -> bool:
    """Tell whether a session's ids are another tokenizer's, by those of its messages."""
    meta = loaded.meta
    if meta.fingerprint == fingerprint:
        return False
    renderer = Renderer(template_from(meta.template), tokenizer, meta.system)
    return any(
        turn.ids != renderer.message(turn.text, first=turn.parent is None)
        for turn in loaded.ledger.turns()
        if turn.role == "user"
    )


def encode_anew(ledger: Ledger, renderer: Renderer, tokenizer: Vocabulary) -> None:
    """Encode all turns again, whose ids mean nothing to this model: the one time that text is."""
    for turn in ledger.turns():
        if turn.role == "user":
            turn.ids = renderer.message(turn.text, first=turn.parent is None)
        else:
            turn.ids = tokenizer.encode(turn.text, bos=False)
            turn.runs = []  # they tell how the old ids came about


def resumed_notes(loaded: Loaded, fingerprint: str, *, foreign: bool) -> list[str]:
    """Say what is not as it was, a line each."""
    notes, copied = [], "what you send goes into a copy of it"
    if loaded.meta.fingerprint != fingerprint:
        model = Path(loaded.meta.model).name
        tokens = f", which has other tokens: {copied}" if foreign else ""
        notes.append(f"it was written with {model}{tokens}")
    if loaded.read_only:
        holder = f" (process {loaded.holder})" if loaded.holder else ""
        notes.append(f"another program has it open{holder}: {copied}")
    return notes
