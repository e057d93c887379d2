"""Conversions that are made to measure a model by: opened, and gone when that is done."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from convert.errors import ConvertError, WriteError
from convert.pipeline import convert
from convert.sources import open_source
from convert.stem import TOKENIZER_SUFFIX, file_of
from convert.temporary import temporary_folder
from convert.vocabulary import companions_of

from ..model.ncnn_engine import NcnnEngine
from ..text.tokenizers.open import open_tokenizer
from .texts import texts_of_file

FEWEST_IDS = 100


@contextmanager
def trial_folder(beside: Path) -> Iterator[Path]:
    """Make a folder inside ``beside``, as on that disk there is to be room for the model.

    Raises ``WriteError``.
    """
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(temporary_folder(beside))
        except OSError as e:
            raise WriteError(f"{beside}: {e.strerror}", "name a folder that exists") from e
        yield folder


@contextmanager
def converted(
    model: Path, weights: str, folder: Path, *, context_length: int | None = None, **how: Any
) -> Iterator[NcnnEngine]:
    """Convert a model to a format in a folder, as ``how`` says, and open it; none of it is left."""
    stem = folder / weights / "model"
    stem.parent.mkdir()
    try:
        convert(model, stem, weights=weights, **how)
        engine = NcnnEngine(stem, context_length=context_length)
        try:
            yield engine
        finally:
            engine.close()
    finally:
        shutil.rmtree(stem.parent, ignore_errors=True)


def refuse_without_tokenizer(model: Path, tokenizer: Path | None) -> None:
    """Raise ``ConvertError`` where there is nothing to read a text with."""
    with open_source(model) as source:
        if not companions_of(source, tokenizer).has_tokenizer:
            raise ConvertError(f"{model}: no tokenizer to read a text with", "name it: --tokenizer")


def texts_for(engine: NcnnEngine, text: Path, n_texts: int, size: int) -> list[list[int]]:
    """Read texts of ``size`` ids by the tokenizer that came along with a conversion.

    Raises ``ConvertError`` for a file that can't be read, or has too few.
    """
    vocabulary = open_tokenizer(file_of(engine.stem, TOKENIZER_SUFFIX), engine.vocab_size)
    texts = texts_of_file(text, vocabulary, n_texts, min(size, engine.context_length))
    n = sum(map(len, texts))
    if n < FEWEST_IDS:
        raise ConvertError(
            f"{text}: {n} tokens, too few to measure by", f"name one of {FEWEST_IDS} or more"
        )
    return texts
