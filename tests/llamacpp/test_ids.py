"""Ids of random texts by the vocabularies inside GGUF, against llama.cpp itself."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece

from benchmarks.llama_server import LlamaServer
from llama2ncnn_chat.text.tokenizers.gguf import PRE, vocabulary_of_gguf
from tests.gguf_writer import write_gguf
from tests.text.tokenizers.gguf_values import Values, of_sentencepiece, of_tokenizer_json
from tests.text.tokenizers.hub_tokenizers import PRE_TOKENIZED, SPECIAL, byte_level, split
from tests.text.tokenizers.test_sentencepiece import FRAGMENTS, LLAMA, trained
from tests.tiny_model import random_weights, tiny_config

pytest.importorskip("xllamacpp", reason="llama.cpp isn't installed: pip --group oracles")


N_TEXTS = 2000


def random_texts() -> Iterator[str]:
    """Fragments that have been trouble elsewhere, and letters of a script among them; no end."""
    rng = random.Random(7)
    scripts = [range(32, 127), range(0xC0, 0x250), range(0x400, 0x460), range(0x3041, 0x3100)]
    while True:
        parts = rng.choices(FRAGMENTS, k=rng.randint(0, 6))
        parts.append("".join(map(chr, rng.choices(rng.choice(scripts), k=rng.randint(0, 8)))))
        rng.shuffle(parts)
        if "\0" not in (text := "".join(parts)):  # where llama.cpp ends a text
            yield text


def of_one_long_word() -> dict[str, Any]:
    """A byte-level vocabulary of which many tokens reach over words, digits and marks.

    So ids differ wherever a text is cut differently. No merge makes a control token.
    """
    document = byte_level(split("(?!)"))
    controls = {token.content for token in SPECIAL}
    merges = [m for m in document["model"]["merges"] if "".join(m) not in controls]
    document["model"]["merges"] = merges
    return document


LONG_WORDS = of_one_long_word()


def in_lower_and_upper_case(text: str) -> bool:
    """Whether all cased letters are ASCII and none has a mark.

    llama.cpp writes ``[^a-z]`` and ``[^A-Z]`` where these patterns have ``\\p{Lu}``, ``\\p{Ll}``
    and ``\\p{M}``.
    """
    kinds = (unicodedata.category(c) for c in text if not c.isascii())
    return not any(kind[0] == "M" or kind in ("Lu", "Ll", "Lt") for kind in kinds)


def without_other_spaces(text: str) -> bool:
    """Whether all white space is ASCII: another is a vertical tab to llama.cpp, and so in no range.

    Only where a range of a pattern holds it does that make a difference.
    """
    return all(c.isascii() or not c.isspace() for c in text)


COMPARED: dict[str, Callable[[str], bool]] = {
    **dict.fromkeys(("tekken", "gpt-4o", "llama4"), in_lower_and_upper_case),
    "deepseek-coder": without_other_spaces,
}
"""Which texts are compared where llama.cpp's patterns aren't those of the models' own files."""


def check(values: Values, folder: Path, n_texts: int = N_TEXTS) -> None:
    """Hold ours against llama.cpp's, text by text."""
    compared = COMPARED.get(values.get("tokenizer.ggml.pre", ""))
    texts = list(islice(filter(compared, random_texts()), n_texts))
    n_tokens = len(values["tokenizer.ggml.tokens"])
    c = tiny_config(dim=32, hidden_dim=32, n_layers=1, n_kv_heads=1, vocab_size=n_tokens)
    keys = {key.replace(".", "__"): value for key, value in values.items()}
    path = write_gguf(folder / "model.gguf", c, random_weights(c, 0), **keys)
    ours = vocabulary_of_gguf(values)
    with LlamaServer(path) as theirs:
        pairs = [(text, ours.encode(text, bos=False), theirs.encode(text)) for text in texts]
        assert [pair for pair in pairs if pair[1] != pair[2]][:3] == []
        assert ours.encode("the cat") == theirs.encode("the cat", add_special=True)


def sentencepiece_values(kind: str) -> Values:
    theirs = sentencepiece.SentencePieceProcessor(model_proto=trained(**LLAMA))
    more = {"add_space_prefix": False} if kind == "without prefix" else {}
    values = of_sentencepiece(theirs, **more)
    if kind == "with user-defined":
        values["tokenizer.ggml.tokens"] += ["<tool>", "<tool>s", "  "]
        for key, value in (("scores", -1000.0), ("token_type", 4)):
            old = values[f"tokenizer.ggml.{key}"]
            values[f"tokenizer.ggml.{key}"] = np.append(old, [value] * 3).astype(old.dtype)
    return values


@pytest.mark.parametrize("kind", ["plain", "without prefix", "with user-defined"])
def test_a_sentencepiece_vocabulary(tmp_path: Path, kind: str) -> None:
    check(sentencepiece_values(kind), tmp_path)


def test_the_vocabulary_of_llama(shared_data: Path, tmp_path: Path) -> None:
    theirs = sentencepiece.SentencePieceProcessor(str(shared_data / "tokenizer.model"))
    check(of_sentencepiece(theirs), tmp_path)


@pytest.mark.parametrize("pre", PRE_TOKENIZED)
def test_a_byte_level_vocabulary(tmp_path: Path, pre: str) -> None:
    check(of_tokenizer_json(PRE_TOKENIZED[pre], pre), tmp_path, N_TEXTS // 4)


FIRST = list({pre: name for name, pre in reversed(PRE.items())}.values())
"""A name of every way to cut words."""


@pytest.mark.parametrize("pre", PRE)
def test_a_way_to_cut_words(tmp_path: Path, pre: str) -> None:
    """All texts for each way; a few for its other names."""
    n_texts = N_TEXTS if pre in FIRST else N_TEXTS // 20
    check(of_tokenizer_json(LONG_WORDS, pre), tmp_path, n_texts)
