"""The door to tokenizer files: reads one, has its format's module parse it, holds it to the model.

It looks at the content and never at the name. It knows no format from inside and no model beyond
the size of its vocabulary.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ...errors import ModelError
from ..vocabulary import Vocabulary
from .llama2c import parse

MAX_FILE_BYTES = 4 << 20
"""A bound on what a file can make us read; Llama's own tokenizer.bin has 0.4 MB."""

_HINT = "use the tokenizer.bin that was exported for this model (--tokenizer)"


def open_tokenizer(path: str | os.PathLike[str], vocab_size: int | None = None) -> Vocabulary:
    """Read the vocabulary in a tokenizer's file: so far llama2.c's ``tokenizer.bin``.

    ``vocab_size`` is the model's; None accepts any. Raises ``ModelError`` for a file that can't be
    read, is broken, or has another number of entries.
    """
    try:
        vocabulary = parse(_read(path))
        n = vocabulary.vocab_size
        if vocab_size is not None and n != vocab_size:
            raise ValueError(f"has {n} entries, but the model's vocabulary has {vocab_size}")
        return vocabulary
    except OSError as error:
        reason = error.strerror or str(error)
        raise ModelError(f"can't read the tokenizer {path}: {reason}", _HINT) from error
    except ValueError as error:
        raise ModelError(f"the tokenizer {path} {error}", _HINT) from error


def _read(path: str | os.PathLike[str]) -> bytes:
    """The whole file, if it is one and isn't absurdly large; else OSError or ValueError."""
    # Asked before opening: opening a pipe would wait for someone to write into it.
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError("is not a file")
    with Path(path).open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"is larger than {MAX_FILE_BYTES} bytes, which no tokenizer.bin is")
    return data
