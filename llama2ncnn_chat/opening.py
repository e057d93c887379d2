"""Flags to a found model, its tokenizer and a running engine, with bars for the slow steps.

ncnn is imported here, late: what is refused before doesn't wait for it.
"""

from __future__ import annotations

import argparse
import glob
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from convert.pipeline import Progress

from .conversation.chat import Chat
from .conversation.chat_settings import ChatSettings
from .conversation.ledger import Turn
from .conversation.model_facts import ModelFacts
from .conversation.snapshots import SnapshotStore
from .conversation.store import SessionInfo, Store
from .conversation.window import Renderer, first_that_fits
from .errors import ChatError, UsageError
from .model.engine import Engine
from .model_list import ListedModel, models_at_hand
from .models import Conversion, FoundModel, Watcher, find_model
from .text.template import template_of
from .text.tokenizer import Tokenizer
from .ui.progress import Steps
from .ui.terminal import is_terminal

KEPT_DELETED = 30 * 86400.0
"""Seconds after which a deleted session is gone for good."""


Step = Callable[[str], Callable[[int, int], None]]
"""``step(what)`` gives a callback for bytes done and their total."""


def find(args: argparse.Namespace, step: Step | None = None) -> FoundModel:
    """The model that the flags name, converted if it has to be.

    Without a ``step`` to tell, bars and notes go to stderr.
    """
    conversion = Conversion(args.weights, args.block, args.keep_model)
    with _bars(step) as begin:
        hashing = begin(f"reading {args.model}")
        converting = begin(f"converting {args.model}")

        def converted(progress: Progress) -> None:
            converting(progress.bytes, progress.n_bytes)

        model = find_model(args.model, conversion, args.tokenizer, Watcher(hashing, converted))
    for note in model.notes if step is None else ():
        sys.stderr.write(f"llama2ncnn-chat: {note}\n")
    return model


def load_tokenizer(model: FoundModel) -> Tokenizer:
    """Its tokenizer, held against the size of the model's vocabulary."""
    return Tokenizer.open(model.tokenizer, model.desc.vocab_size)


@contextmanager
def _bars(step: Step | None) -> Iterator[Step]:
    if step:
        yield step
    else:
        with Steps() as steps:
            yield steps.step


def load(model: FoundModel, args: argparse.Namespace, step: Step | None = None) -> Engine:
    """Load the weights."""
    from .model.ncnn_engine import NcnnEngine

    with _bars(step) as begin:
        return NcnnEngine(
            model.stem,
            threads=args.threads,
            context_length=getattr(args, "ctx_size", None),
            check=getattr(args, "check", False),
            progress=begin(f"loading {model.name}"),
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


def refuse_message(
    text: str, tokenizer: Tokenizer, settings: ChatSettings, context_length: int
) -> None:
    """Raise ``PromptTooLongError`` for a message that fits no context of that length."""
    renderer = Renderer(template_of(settings.template), tokenizer, settings.system)
    message = Turn("user", text, renderer.message(text, first=True))
    first_that_fits(renderer, [message], None, context_length)


def open_chat(
    args: argparse.Namespace,
    model: FoundModel,
    tokenizer: Tokenizer,
    settings: ChatSettings,
    given: frozenset[str],
    store: Store | None,
    step: Step | None = None,
) -> Chat:
    """Load the weights and begin a new session."""
    engine = load(model, args, step)
    snapshots = SnapshotStore(tell=_tell_writing) if args.kv_cache and args.save else None
    if store:
        for gone in store.purge_deleted(KEPT_DELETED):
            SnapshotStore().delete(gone)
    desc = model.desc
    facts = ModelFacts(
        _place_of(args.model),
        desc.bin_sha256,
        desc.weights,
        desc.bin_size,
        desc.cache_bytes(engine.context_length),
        str(args.tokenizer.resolve()) if args.tokenizer else "",
    )
    chat = Chat(engine, tokenizer, facts, settings, given=given, store=store, snapshots=snapshots)
    if step:
        chat.notes += model.notes
    return chat


def _tell_writing(size: int) -> None:
    if is_terminal(sys.stderr):
        about = f"keeping the KV cache, {size / 1e9:.1f} GB (--no-kv-cache keeps none)"
        sys.stderr.write(f"llama2ncnn-chat: {about}\n")


def _place_of(model: str) -> str:
    """What finds the model again from any folder."""
    path = Path(model)
    near = path.exists() or (
        path.parent.is_dir() and any(path.parent.glob(f"{glob.escape(path.name)}.*"))
    )
    return str(path.resolve()) if near else model
