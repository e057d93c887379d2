"""From what a person calls a model to one that is found, converted and loaded, with its tokenizer.

ncnn is imported here, late: what is refused before doesn't wait for it. Knows no chat, draws
nothing; progress goes to callbacks.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from convert.pipeline import Progress

from ..catalogue.find import Conversion, FoundModel, ProgressCallbacks, find_model
from ..model.engine import Engine
from ..text.tokenizers.file_vocabulary import FileVocabulary
from ..text.tokenizers.open import open_tokenizer

Step = Callable[[str], Callable[[int, int], None]]
"""``step(what)`` gives a callback for bytes done and their total."""


def find(model: str, tokenizer: Path | None, conversion: Conversion, step: Step) -> FoundModel:
    """Find the model of that name or path; fetch it and convert it if it has to be.

    Raises ``ModelError``.
    """
    fetching = step(f"fetching {model}")
    hashing = step(f"reading {model}")
    converting = step(f"converting {model}")

    def converted(progress: Progress) -> None:
        converting(progress.bytes, progress.n_bytes)

    callbacks = ProgressCallbacks(fetching, hashing, converted)
    return find_model(model, conversion, tokenizer, callbacks)


def load_tokenizer(model: FoundModel) -> FileVocabulary:
    """Open its tokenizer, with all ids that end a reply of the model.

    Raises ``ModelError`` for one that can't be read, or has more pieces than the model has rows.
    """
    vocabulary = open_tokenizer(model.tokenizer, model.desc.shape.vocab_size)
    return vocabulary.with_ends(model.facts.ends)


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
        progress=step(f"loading {model.name}"),
    )
