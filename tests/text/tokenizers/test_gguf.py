"""Vocabularies out of GGUF's key-values against the tokenizers that they were written of."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings
from tokenizers import Tokenizer

from llama2ncnn_chat.text.tokenizers.gguf import PRE, vocabulary_of_gguf
from tests.text.decoding import decoded
from tests.text.tokenizers.gguf_values import (
    Values,
    of_sentencepiece,
    of_tokenizer_json,
    prefixed,
)
from tests.text.tokenizers.hub_tokenizers import KINDS, PRE_TOKENIZED
from tests.text.tokenizers.test_sentencepiece import LLAMA, trained
from tests.text.tokenizers.test_tokenizer_json import texts

SENTENCEPIECE = sentencepiece.SentencePieceProcessor(model_proto=trained(**LLAMA))
VALUES = of_sentencepiece(SENTENCEPIECE)
OURS = vocabulary_of_gguf(VALUES)


@settings(max_examples=300)
@given(text=texts)
def test_a_sentencepiece_vocabulary_encodes_and_decodes_as_sentencepiece(text: str) -> None:
    ids = SENTENCEPIECE.encode(text)
    assert OURS.encode(text) == [1, *ids]
    assert decoded(OURS, ids) == SENTENCEPIECE.decode(ids)


@pytest.mark.parametrize("pre", PRE_TOKENIZED)
def test_a_byte_level_vocabulary_encodes_as_the_library(pre: str) -> None:
    document = PRE_TOKENIZED[pre]
    ours = vocabulary_of_gguf(of_tokenizer_json(document, pre))
    theirs = Tokenizer.from_str(json.dumps(document))
    theirs.encode_special_tokens = True

    @settings(max_examples=200)
    @given(text=texts)
    def check(text: str) -> None:
        ids = theirs.encode(text, add_special_tokens=False).ids
        assert ours.encode(text, bos=False) == ids
        assert decoded(ours, ids) == theirs.decode(ids)

    check()


@settings(max_examples=200)
@given(text=texts)
def test_added_tokens_are_found_in_text_unless_they_are_control_tokens(text: str) -> None:
    document = KINDS["added"] | {
        "added_tokens": [
            entry | {"lstrip": False, "rstrip": False, "single_word": False, "normalized": False}
            for entry in KINDS["added"]["added_tokens"]
        ]
    }
    ours = vocabulary_of_gguf(of_tokenizer_json(document, "llama-bpe"))
    theirs = Tokenizer.from_str(json.dumps(document))
    theirs.encode_special_tokens = True
    assert ours.encode(text, bos=False) == theirs.encode(text, add_special_tokens=False).ids
    assert not {*ours.controls.values()} & {*ours.encode(text, bos=False)}


def test_what_the_keys_say_of_begin_and_end() -> None:
    assert (OURS.opening, {*OURS.ends}) == ((1,), {2})
    assert (OURS.strips_space, OURS.begins_after_controls) == (True, True)
    more = prefixed(add_bos_token=False, add_space_prefix=False, eot_token_id=7, eom_token_id=9)
    ours = vocabulary_of_gguf(VALUES | more)
    assert (ours.opening, {*ours.ends}) == ((), {2, 7, 9})
    assert ours.encode("the") == ours.encode("the", prefix=False)
    assert ours.encode("the") == OURS.encode("the", bos=False, prefix=False)
    assert (ours.strips_space, ours.begins_after_controls) == (False, False)


def test_ends_are_known_by_name_too() -> None:
    values = of_tokenizer_json(KINDS["added"], "qwen2")
    tokens = values["tokenizer.ggml.tokens"]
    ours = vocabulary_of_gguf(values)
    assert ours.ends == {tokens.index("</s>"), tokens.index("<|end|>")}
    assert ours.opening == ()
    assert vocabulary_of_gguf(values | prefixed(add_bos_token=True)).opening == (
        tokens.index("<s>"),
    )
    assert vocabulary_of_gguf(values | prefixed(pre="llama-bpe")).opening == (tokens.index("<s>"),)


@pytest.mark.parametrize("pre", PRE)
def test_every_known_way_to_cut_words_loses_nothing(pre: str) -> None:
    ours = vocabulary_of_gguf(of_tokenizer_json(KINDS["gpt-2"], pre))
    text = "Don't  PANIC: naïve 日本語 12345\n\n\tx=1;🙂 Ελλάδα… (a,b)"
    assert decoded(ours, ours.encode(text)) == text


def without(values: Values, key: str) -> Values:
    return {name: value for name, value in values.items() if name != f"tokenizer.ggml.{key}"}


BYTE_LEVEL = of_tokenizer_json(KINDS["gpt-2"], "gpt-2")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "model None"),
        (prefixed(model="bert"), "'bert'"),
        (without(BYTE_LEVEL, "pre"), "doesn't say how"),
        (BYTE_LEVEL | prefixed(pre="odd"), "'odd'.*llama-bpe"),
        (BYTE_LEVEL | prefixed(pre=["odd"]), "known are"),
        (without(BYTE_LEVEL, "tokens"), "tokens is no list"),
        (without(BYTE_LEVEL, "merges"), "merges is no list"),
        (BYTE_LEVEL | prefixed(merges=["ab"]), "merge is 'ab'"),
        (BYTE_LEVEL | prefixed(merges=["no such"]), "merge is 'no such'"),
        (BYTE_LEVEL | prefixed(tokens=[]), "0 tokens"),
        (BYTE_LEVEL | prefixed(tokens=[1]), "list of texts"),
        (BYTE_LEVEL | prefixed(bos_token_id=1 << 20), "bos_token_id is 1048576"),
        (BYTE_LEVEL | prefixed(eos_token_id="x"), "eos_token_id is 'x'"),
        (without(VALUES, "scores"), "scores is no list"),
        (VALUES | prefixed(scores=np.zeros(3)), "3 scores"),
        (VALUES | prefixed(scores=np.full(450, np.nan)), "score of token 0 is nan"),
        (VALUES | prefixed(token_type=np.zeros(3, int)), "3 types"),
        (VALUES | prefixed(token_type=np.full(450, 9)), "type that isn't known"),
        (VALUES | prefixed(token_type=np.full(450, 6)), "not the name of a byte"),
        (VALUES | prefixed(token_type=[[]] * 450), "type that isn't known"),
    ],
)
def test_what_can_not_be_read_is_refused_with_the_reason(values: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        vocabulary_of_gguf(values)
