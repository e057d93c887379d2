"""From what a person calls a model to one that is found, converted and loaded.

With it come its tokenizer and its template. ncnn is imported here, late: what is refused before
doesn't wait for it. Knows no chat, draws nothing; progress goes to callbacks.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from convert.chat_facts import ChatFacts
from convert.pipeline import Progress
from convert.seal import ReplacedError, seal_of
from convert.stated import Stated

from ..catalogue.conversion import Conversion
from ..catalogue.find import Callbacks, FoundModel, find_model
from ..errors import ModelError
from ..events import Step
from ..model.engine import Engine
from ..text.templates.marked import TEMPLATES
from ..text.templates.own import own_template
from ..text.templates.template import Template
from ..text.tokenizers.file_vocabulary import FileVocabulary
from ..text.tokenizers.open import open_tokenizer
from ..text.vocabulary import Vocabulary

OWN = "own"
"""What a description says of a model that brings its own template."""


def find(
    model: str,
    tokenizer: Path | None,
    conversion: Conversion,
    step: Step,
    *,
    check: bool = False,
) -> FoundModel:
    """Find the model of that name or path; fetch it and convert it if it has to be.

    ``check`` has all of a conversion in the cache read, to see whether it is damaged. Raises
    ``ModelError``.
    """
    fetching = step(f"fetching {model}")
    hashing = step(f"reading {model}")
    converting = step(f"converting {model}")

    def converted(progress: Progress) -> None:
        converting(progress.bytes, progress.n_bytes)

    def settle(stated: Stated, path: Path, tokenizer: Path | None) -> Stated:
        from ..quality.rope_order import settled  # and with it all tokenizers, at no other start

        return settled(stated, path, tokenizer, step(f"trying the order of heads of {model}"))

    callbacks = Callbacks(fetching, hashing, converted, settle)
    return find_model(model, conversion, tokenizer, callbacks, check=check)


def load_tokenizer(model: FoundModel) -> FileVocabulary:
    """Open its tokenizer, with all ids that end a reply of the model.

    Raises ``ModelError`` for one that can't be read, or has more pieces than the model has rows.
    """
    try:
        vocabulary = open_tokenizer(model.tokenizer, model.desc.shape.vocab_size)
    except ModelError:
        if model.seal and seal_of(model.stem) != model.seal:
            replaced = ReplacedError(model.stem)
            raise ModelError(replaced.message, replaced.hint) from None
        raise
    return vocabulary.with_ends(model.facts.ends)


def padding_note(vocabulary: Vocabulary) -> str:
    """Say that a model has rows for which there are no tokens; nothing where it has none."""
    n_rows, n = vocabulary.vocab_size, vocabulary.n_padding
    if not n:
        return ""
    return (
        f"the model has {n_rows:,} rows and its tokenizer {n_rows - n:,} tokens: the other {n:,} "
        "are never sampled"
    )


def longer_note(model: FoundModel, context_length: int | None) -> str:
    """Say that a context is longer than the model's files say; nothing where it isn't."""
    said = model.desc.shape.context_length
    if context_length is None or context_length <= said:
        return ""
    return (
        f"a context of {context_length:,} tokens, where the model's files say {said:,}: what it "
        "writes beyond them may make no sense"
    )


def template_of(name: str, facts: ChatFacts, vocabulary: Vocabulary) -> tuple[Template, str]:
    """Return the template that a model asks for by ``name``, and a note: "own" is in its files.

    Raises ``ModelError`` for one that isn't known or can't be rendered.
    """
    if name == OWN:
        texts = facts.templates
        return own_template(texts.templates, texts.tokens, vocabulary, datetime.now().astimezone())
    if name not in TEMPLATES:
        raise ModelError(
            f"the model asks for the template {name!r}, which isn't known here",
            f"--template with one of {', '.join(TEMPLATES)}",
        )
    return TEMPLATES[name], ""


def load(
    model: FoundModel,
    step: Step,
    *,
    threads: int | None = None,
    context_length: int | None = None,
    check: bool = False,
) -> Engine:
    """Load the weights, with ``check`` after their checksum was held against the model's.

    ``threads`` None is as many as there are cores, ``context_length`` None the model's own.
    Raises ``ModelError``.
    """
    from ..model.ncnn_engine import NcnnEngine

    return NcnnEngine(
        model.stem,
        threads=threads,
        context_length=context_length,
        check=check,
        seal=model.seal,
        progress=step(f"loading {model.name}"),
    )
