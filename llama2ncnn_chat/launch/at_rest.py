"""A model's tokenizer and what its files say of chatting, read where it lies.

Nothing is fetched, converted or loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from convert.chat_facts import ChatFacts, read_chat_facts
from convert.desc import read_desc
from convert.hub.cache import cached_path
from convert.hub.names import is_hub_name, parse_name
from convert.seal import model_stem
from convert.sources import open_source
from convert.stem import CHAT_SUFFIX, TOKENIZER_SUFFIX, file_of
from convert.temporary import temporary_folder
from convert.vocabulary import companions_of

from ..catalogue.bundled import DEMO, DEMO_CHECKPOINT
from ..catalogue.removing import conversions_named
from ..errors import ModelError
from ..paths import is_there
from ..text.tokenizers.file_vocabulary import FileVocabulary
from ..text.tokenizers.open import open_tokenizer


class AtRest(NamedTuple):
    """``template`` is what its description calls it; ``facts`` have its text, if there is one."""

    template: str
    facts: ChatFacts
    vocabulary: FileVocabulary


def place_of(model: str) -> Path:
    """Find where a model lies that is named as for a chat. Raises ``ModelError``."""
    if is_hub_name(model):
        return cached_path(parse_name(model), "nothing is fetched for this")
    if model == DEMO:
        return DEMO_CHECKPOINT
    path = Path(model)
    if is_there(path) or model_stem(path) is not None:
        return path
    if found := conversions_named(model):
        return found[0].stem
    raise ModelError(f"{model}: no such model", "llama2ncnn-chat models lists them")


def read_files(path: Path) -> AtRest:
    """Read the files of a model. Raises ``ModelError`` and ``ConvertError``."""
    stem = model_stem(path)
    if stem is not None:
        desc, facts = read_desc(stem), read_chat_facts(file_of(stem, CHAT_SUFFIX))
        vocabulary = open_tokenizer(file_of(stem, TOKENIZER_SUFFIX), desc.shape.vocab_size)
        return AtRest(desc.template, facts, vocabulary)
    with open_source(path) as source:
        companions = companions_of(source)
        if not companions.has_tokenizer:
            raise ModelError(f"{path}: no tokenizer")
        with temporary_folder() as folder:  # as a converted model would carry it
            carried = folder / "tokenizer"
            with carried.open("wb") as file:
                companions.write_tokenizer(file)
            vocabulary = open_tokenizer(carried, source.shape.vocab_size)
        return AtRest(source.template, companions.facts, vocabulary)
