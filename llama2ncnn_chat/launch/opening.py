"""Flags to a found model, its tokenizer, a running engine and a chat. Draws nothing.

ncnn is imported here, late: what is refused before doesn't wait for it.
"""

from __future__ import annotations

import argparse
import glob
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from convert.desc import ModelDesc
from convert.pipeline import Progress

from ..catalogue.find import Conversion, FoundModel, Watcher, find_model
from ..catalogue.listing import ListedModel, models_at_hand
from ..chat.chat import Chat
from ..chat.model_facts import ModelFacts
from ..conversation.ledger import Turn
from ..conversation.renderer import first_that_fits
from ..conversation.settings import Settings
from ..errors import ChatError, ModelError, UsageError
from ..model.engine import Engine
from ..storage.snapshots import SnapshotStore
from ..storage.store import SessionInfo, Store
from ..text.templates.marked import TEMPLATES
from ..text.tokenizers.open import open_tokenizer
from ..text.vocabulary import Vocabulary

KEPT_DELETED = 30 * 86400.0
"""Seconds after which a deleted session is gone for good."""


Step = Callable[[str], Callable[[int, int], None]]
"""``step(what)`` gives a callback for bytes done and their total."""


def find(args: argparse.Namespace, step: Step) -> FoundModel:
    """Find the model that the flags name, and convert it if it has to be."""
    conversion = Conversion(args.weights, args.block, args.keep_model)
    hashing = step(f"reading {args.model}")
    converting = step(f"converting {args.model}")

    def converted(progress: Progress) -> None:
        converting(progress.bytes, progress.n_bytes)

    return find_model(args.model, conversion, args.tokenizer, Watcher(hashing, converted))


def load_tokenizer(model: FoundModel) -> Vocabulary:
    """Its tokenizer, held against the size of the model's vocabulary."""
    return open_tokenizer(model.tokenizer, model.desc.shape.vocab_size)


def load(model: FoundModel, args: argparse.Namespace, step: Step) -> Engine:
    """Load the weights."""
    from ..model.ncnn_engine import NcnnEngine

    return NcnnEngine(
        model.stem,
        threads=args.threads,
        context_length=getattr(args, "ctx_size", None),
        check=getattr(args, "check", False),
        progress=step(f"loading {model.name}"),
    )


def list_models(args: argparse.Namespace) -> list[ListedModel]:
    """The models to choose from; those of sessions too, if they can be read."""
    recent: dict[str, str] = {}
    with suppress(ChatError):  # what is wrong with the sessions, opening a chat will tell
        if store := open_store(args):
            for info in store.list():
                recent.setdefault(info.model, info.tokenizer)
            store.close()
    return models_at_hand(recent)


def open_store(args: argparse.Namespace) -> Store | None:
    """The person's sessions, unless nothing is to be saved. Raises ``ChatError``."""
    return Store.open() if args.save else None


def session_to_resume(args: argparse.Namespace, store: Store | None) -> SessionInfo | None:
    """The one that the flags name; None for a new one. Raises ``ChatError``."""
    if not args.latest and args.resume is None:
        return None
    if store is None:
        raise UsageError("sessions are not saved, nor read", "leave out --no-save")
    if args.latest:
        return store.latest()
    return store.find(args.resume) if args.resume else None


def resume(chat: Chat, args: argparse.Namespace, info: SessionInfo | None) -> None:
    """Open the session that the flags name. Raises ``ChatError``."""
    if info:
        chat.resume(info.id)
    elif args.latest:
        chat.notes.append("there is no session to go on with: this one is new")


def with_template(settings: Settings, desc: ModelDesc) -> Settings:
    """Return the settings with the model's own template where none was asked for.

    Raises ``ModelError`` where the model's own isn't known.
    """
    if settings.template:
        return settings
    name = desc.extra.get("template", "llama2")
    if name not in TEMPLATES:
        raise ModelError(
            f"the model asks for the template {name!r}, which isn't known here",
            f"--template with one of {', '.join(TEMPLATES)}",
        )
    return replace(settings, template=TEMPLATES[name])


def refuse_message(
    text: str, tokenizer: Vocabulary, settings: Settings, context_length: int
) -> None:
    """Raise ``PromptTooLongError`` for a message that fits no context of that length."""
    renderer = settings.renderer(tokenizer)
    message = Turn("user", text, renderer.message(text, first=True))
    first_that_fits(renderer, [message], None, context_length)


def open_chat(
    args: argparse.Namespace,
    model: FoundModel,
    tokenizer: Vocabulary,
    settings: Settings,
    given: frozenset[str],
    store: Store | None,
    step: Step,
    tell_writing: Callable[[int], None] | None = None,
) -> Chat:
    """Load the weights and begin a new session.

    ``tell_writing`` gets the size of a big snapshot before it is written.
    """
    engine = load(model, args, step)
    snapshots = SnapshotStore(tell=tell_writing) if args.kv_cache and args.save else None
    if store:
        for gone in store.purge_deleted(KEPT_DELETED):
            SnapshotStore().delete(gone)
    desc = model.desc
    facts = ModelFacts(
        _place_of(args.model),
        desc.bin_sha256,
        desc.weights,
        desc.bin_size,
        desc.shape.cache_bytes(engine.context_length),
        str(args.tokenizer.resolve()) if args.tokenizer else "",
    )
    chat = Chat(engine, tokenizer, facts, settings, given=given, store=store, snapshots=snapshots)
    chat.notes += model.notes
    return chat


def _place_of(model: str) -> str:
    """What finds the model again from any folder."""
    path = Path(model)
    near = path.exists() or (
        path.parent.is_dir() and any(path.parent.glob(f"{glob.escape(path.name)}.*"))
    )
    return str(path.resolve()) if near else model
