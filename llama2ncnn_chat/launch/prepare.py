"""From options to a model that is ready to be loaded: found, converted, with all it brings along.

Loads no weights and draws nothing; progress goes to callbacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from convert.chat_facts import ChatFacts
from convert.decoder import cache_bytes, codec_of_model
from convert.desc import ModelDesc
from convert.fingerprint import fingerprint_of
from convert.hub.names import is_hub_name

from ..catalogue.bundled import ABOUT, DEMO, STARTERS
from ..catalogue.find import FoundModel
from ..chat import phrases
from ..chat.chat_model import ChatModel
from ..chat.model_facts import ModelFacts
from ..chat.options import SETTINGS, with_values
from ..conversation.settings import Settings
from ..errors import Advice, UsageError
from ..events import Step
from ..generation.local import LocalCompleter
from ..paths import as_text
from ..text.templates.marked import TEMPLATES
from ..text.vocabulary import Vocabulary
from .open_model import OWN, find, load, load_tokenizer, longer_note, padding_note, template_of
from .options import Options


def prepare(options: Options, step: Step) -> ChatModel:
    """Find the model of the options, with the template that they name or its own.

    Raises ``ChatError``.
    """
    if options.engine is not None:
        from .remote import prepare_remote  # and with it what speaks HTTP, at no other start

        return prepare_remote(options)
    model = find(options.model, options.tokenizer, options.conversion, step, check=options.check)
    vocabulary, shape = load_tokenizer(model), model.desc.shape
    settings, note = with_template(options.settings, model.desc, model.facts, vocabulary)
    assert settings.template
    ends = map(vocabulary.special, settings.template.ends)
    vocabulary = vocabulary.with_ends(i for i in ends if i is not None)
    length = options.ctx_size or shape.context_length
    fixed = shape.rope.goes_by_context  # so a snapshot may be of another length's keys
    notes = (*model.notes, longer_note(model, options.ctx_size), _fixed_note(length) * fixed)

    def load_it(step: Step) -> LocalCompleter:
        n, check = options.ctx_size, options.check
        engine = load(model, step, threads=options.threads, context_length=n, check=check)
        return LocalCompleter(engine, vocabulary)

    return ChatModel(
        _facts_of(model, options, length),
        vocabulary,
        settings.template,
        length,
        load_it,
        own_sampling(model.facts.sampling),
        tuple(filter(None, notes)),
        tuple(filter(None, (note, padding_note(vocabulary)))),
        keeps_cache=not fixed,
    )


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


def own_sampling(stated: Mapping[str, float]) -> dict[str, Any]:
    """Return what a model's files say of sampling, by the names of settings.

    What is out of range is left out: the model's files are no person to tell.
    """
    sampling = {}
    for name, value in stated.items():
        with suppress(UsageError):
            sampling[name] = SETTINGS[name].parse(value)
    return sampling


def with_sampling(
    settings: Settings, sampling: Mapping[str, Any], set_by_hand: frozenset[str]
) -> Settings:
    """Return the settings with the model's own sampling where nobody has set another."""
    return with_values(settings, {n: v for n, v in sampling.items() if n not in set_by_hand})


def _facts_of(model: FoundModel, options: Options, context_length: int) -> ModelFacts:
    desc = model.desc
    return ModelFacts(
        as_text(_place_of(options.model)),
        fingerprint_of(desc),
        desc.weights,
        desc.bin_size,
        cache_bytes(desc.shape, codec_of_model(desc), context_length),
        as_text(str(options.tokenizer.resolve())) if options.tokenizer else "",
        model.stated.text,
        *((ABOUT, STARTERS) if options.model == DEMO else ()),
    )


def _place_of(model: str) -> str:
    """Return what finds the model again from any folder."""
    return model if model == DEMO or is_hub_name(model) else str(Path(model).resolve())


def _fixed_note(context_length: int) -> str:
    return f"the model's RoPE goes by the context's length: fixed at {context_length:,} tokens"
