"""What goes along with a model's weights: its tokenizer, and what its files say of chats.

Knows names of files alone, and what a source carries; nothing of what tokenizers do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from .chat_facts import ChatFacts, chat_facts_of
from .files import is_file, is_folder
from .sources.source import TensorSource
from .stem import TOKENIZER_SUFFIX
from .tokenizer_files import GGUF_PREFIX, tokenizer_in, write_gguf_tokenizer, write_tokenizer

LLAMA2C_ENDS = (1,)
"""Where llama2.c's ``run`` ends a text besides the vocabulary's own end: its models were trained on
texts that each begin with this id, one after the other. Its own tokenizer.bin goes by that too."""


@dataclass(frozen=True)
class Companions:
    """The files beside the weights: a ``tokenizer`` of its own, or one in ``metadata``."""

    tokenizer: Path | None
    metadata: Mapping[str, Any]
    facts: ChatFacts

    @property
    def has_tokenizer(self) -> bool:
        """Whether there is a tokenizer to go along."""
        return self.tokenizer is not None or bool(self.metadata)

    def write_tokenizer(self, target: BinaryIO) -> None:
        """Write the tokenizer as one file. Raises ``ConvertError`` for what can't be read."""
        if self.tokenizer:
            write_tokenizer(self.tokenizer, target)
        else:
            write_gguf_tokenizer(self.metadata, target)


def companions_of(source: TensorSource, tokenizer: Path | None = None) -> Companions:
    """Find what goes along with a source; a ``tokenizer`` that is named goes before its own.

    Raises ``ConvertError`` for files beside it that aren't what they should be.
    """
    has_vocabulary = any(key.startswith(GGUF_PREFIX) for key in source.metadata)
    metadata = source.metadata if has_vocabulary else {}
    if tokenizer is None and not metadata:
        in_folder = is_folder(source.path)
        tokenizer = tokenizer_in(source.path) if in_folder else tokenizer_beside(source.path)
    facts = chat_facts_of(source)
    if source.format.startswith("llama2.c ") and tokenizer and tokenizer.suffix != ".bin":
        facts = replace(facts, ends=LLAMA2C_ENDS)
    return Companions(tokenizer, metadata, facts)


def tokenizer_beside(source: Path) -> Path | None:
    """Find the tokenizer of a checkpoint: ``X.tokenizer.bin``, else ``tokenizer.bin``."""
    stem = source.name.removesuffix(".bin")
    names = (stem + TOKENIZER_SUFFIX, source.name + TOKENIZER_SUFFIX, "tokenizer.bin")
    candidates = (source.with_name(name) for name in names)
    return next((p for p in candidates if is_file(p) and p != source), None)
