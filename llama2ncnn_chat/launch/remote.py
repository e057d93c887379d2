"""From options to a model that an engine elsewhere runs: found, with its vocabulary and template.

What the model's own files say goes before what the engine says of a vocabulary, and after it of a
template. Opens no store and draws nothing.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from convert.chat_facts import ChatFacts
from convert.chat_templates import ChatTemplates, templates_of_folder
from convert.errors import ConvertError

from ..catalogue.find import reads_like_a_prompt
from ..chat.chat_model import ChatModel
from ..chat.model_facts import ModelFacts, name_elsewhere
from ..errors import Advice, ModelError, UsageError
from ..generation.completer import UNKNOWN_LENGTH
from ..model.threads import default_threads
from ..paths import as_text
from ..remote.address import Address, address_of
from ..remote.chat_server import ChatServer
from ..remote.completer import RemoteCompleter
from ..remote.dialect import Dialect
from ..remote.finding import find_engine
from ..remote.http import Connection, RefusalError, in_a_line
from ..remote.probes import PROBES, fingerprint_of
from ..remote.text_completer import TextCompleter
from ..text.messages import MESSAGE_IDS, MESSAGES
from ..text.templates.template import Template
from ..text.tokenizers.file_vocabulary import FileVocabulary
from ..text.tokenizers.open import open_tokenizer
from .at_rest import AtRest, place_of, read_files
from .engine_options import key_of
from .open_model import OWN, padding_note, template_of
from .options import Options

QUICK_SECONDS = 0.03
"""So long a key may wait for the tokens of what is typed."""

SLOW = "it is far away: what you type isn't counted; its tokenizer's file would do that"

COST = "messages and text, no tokens: no exact counts, tints (/tokens) or /replay"


def prepare_remote(options: Options) -> ChatModel:
    """Find the model that runs at ``options.engine``. Raises ``ChatError``."""
    assert options.engine is not None
    address = address_of(options.engine, key_of(options), insecure=options.insecure)
    connection = Connection(address)
    try:
        engine = find_engine(connection, options.engine_model)
        if isinstance(engine, ChatServer):
            return _of_messages(options, address, connection, engine)
        length = _length(options.ctx_size, engine)
        files = _files(options)
        vocabulary = files.vocabulary if files else engine.vocabulary()
        unchecked = _refuse_other_ids(engine, vocabulary) if files else ""
        template, note = _template(options, engine, files, vocabulary)
        vocabulary = vocabulary.with_ends(
            token
            for token in (*(files.facts.ends if files else ()), *_named(vocabulary, template))
            if token < vocabulary.vocab_size
        )
        facts = _facts_of(options, address, engine.facts.kind, engine.facts.model, vocabulary)
        quick = files is not None or _is_quick(engine)
    finally:
        connection.close()

    def completer(_step: object) -> RemoteCompleter:
        threads = options.threads or default_threads()
        return RemoteCompleter(connection, engine, vocabulary, length, threads=threads)

    return ChatModel(
        facts,
        vocabulary,
        template,
        length,
        completer,
        notes=tuple(filter(None, (_sent_to(address), unchecked, "" if quick else SLOW))),
        first_notes=tuple(filter(None, (note, padding_note(vocabulary)))),
        keeps_cache=False,
        counts_drafts=quick,
    )


def _of_messages(
    options: Options, address: Address, connection: Connection, server: ChatServer
) -> ChatModel:
    """Take up an engine that takes messages: it has the template, and all that goes with tokens.

    Raises ``ModelError`` for a MODEL that is none, as a prompt in its place.
    """
    if "model" in options.given:
        _place_of(options.model)

    def completer(_step: object) -> TextCompleter:
        threads = options.threads or default_threads()
        return TextCompleter(connection, server, threads=threads)

    asked_for = {
        "--template": options.settings.template,
        "--ctx-size": options.ctx_size,
        "--tokenizer": options.tokenizer,
        "MODEL": "model" in options.given,
    }
    idle = [name for name, value in asked_for.items() if value]
    others = in_a_line(", ".join(server.others))
    notes = (
        f"{', '.join(idle)}: without effect, {server.kind} has its own" if idle else "",
        f"{in_a_line(server.model)} answers; --model NAME takes another: {others}"
        if others and not options.engine_model
        else "",
    )
    return ChatModel(
        _facts_of(
            replace(options, tokenizer=None), address, server.kind, server.model, MESSAGE_IDS
        ),
        MESSAGE_IDS,
        MESSAGES,
        UNKNOWN_LENGTH,
        completer,
        notes=(_sent_to(address), COST),
        first_notes=tuple(filter(None, notes)),
        keeps_cache=False,
        counts_drafts=False,
    )


def _sent_to(address: Address) -> str:
    return f"what you write goes to {address.place}"


def _files(options: Options) -> AtRest | None:
    """Read what the person names of the model's own files; None if that is nothing."""
    try:
        if options.tokenizer:
            path = options.tokenizer
            folder = path if path.is_dir() else path.parent
            facts = ChatFacts(templates_of_folder(folder))
            return AtRest(OWN, facts, open_tokenizer(path))
        if "model" in options.given:
            return read_files(_place_of(options.model))
    except ConvertError as e:
        raise ModelError(e.message, e.hint) from e
    return None


def _place_of(model: str) -> Path:
    try:
        return place_of(model)
    except ModelError as e:
        if reads_like_a_prompt(model):
            raise ModelError(e.message, Advice.MARK_PROMPT) from e
        raise


def _length(wanted: int | None, engine: Dialect) -> int:
    length = engine.facts.context_length
    if wanted is not None and wanted > length:
        raise UsageError(
            f"a context of {wanted:,} tokens, where the engine has one of {length:,}",
            "start the engine with a longer one",
        )
    return wanted or length


def _refuse_other_ids(engine: Dialect, vocabulary: FileVocabulary) -> str:
    """Hold the files' ids against the engine's; returns a note if it doesn't tell them.

    Raises ``ModelError`` where they differ.
    """
    text = "\n".join(PROBES)
    try:
        same = engine.encode(text) == vocabulary.encode(text, bos=False)
    except RefusalError:
        return f"{engine.facts.kind} doesn't tell its tokens: they are taken to be the files'"
    if not same:
        raise ModelError(
            f"the tokenizer isn't that of {in_a_line(engine.facts.model)}: its tokens are others",
            Advice.NAME_TOKENIZER,
        )
    return ""


def _is_quick(engine: Dialect) -> bool:
    """Tell whether the ids of a text come at once: the quicker one of two that are asked for."""
    seconds = []
    for text in PROBES[:2]:
        begin = time.perf_counter()
        engine.encode(text)
        seconds.append(time.perf_counter() - begin)
    return min(seconds) < QUICK_SECONDS


def _template(
    options: Options, engine: Dialect, files: AtRest | None, vocabulary: FileVocabulary
) -> tuple[Template, str]:
    """Return the person's template, else the engine's, else the files'; and a note."""
    if options.settings.template:
        return options.settings.template, ""
    said = engine.facts.chat_template
    if files and not said:
        return template_of(files.template, files.facts, vocabulary)
    texts = ChatTemplates({"default": said} if said else {}, dict(engine.facts.special_tokens))
    return template_of(OWN, ChatFacts(texts), vocabulary)


def _named(vocabulary: FileVocabulary, template: Template) -> list[int]:
    ends = map(vocabulary.special, template.ends)
    return [token for token in ends if token is not None]


def _facts_of(
    options: Options, address: Address, kind: str, model: str, vocabulary: FileVocabulary
) -> ModelFacts:
    tokenizer: Path | None = options.tokenizer
    return ModelFacts(
        as_text(in_a_line(name_elsewhere(address.url, model))),
        fingerprint_of(vocabulary),
        f"{in_a_line(kind)} at {address.place}",
        0,
        tokenizer=as_text(str(tokenizer.resolve())) if tokenizer else "",
    )
