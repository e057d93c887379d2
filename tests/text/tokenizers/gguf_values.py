"""The key-values of GGUF files, as llama.cpp's converters write them of other tokenizers."""

from __future__ import annotations

from typing import Any

import numpy as np
import sentencepiece

from llama2ncnn_chat.text.tokenizers.pieces import Kind

Values = dict[str, Any]


def prefixed(**values: Any) -> Values:
    return {f"tokenizer.ggml.{key}": value for key, value in values.items()}


def of_sentencepiece(theirs: sentencepiece.SentencePieceProcessor, **more: Any) -> Values:
    """A SentencePiece model, with nothing added."""
    ids = range(theirs.vocab_size())

    def kind(token: int) -> int:
        if theirs.is_unknown(token):
            return Kind.UNKNOWN
        if theirs.is_control(token):
            return Kind.CONTROL
        return Kind.BYTE if theirs.is_byte(token) else Kind.NORMAL

    return prefixed(
        model="llama",
        tokens=[theirs.id_to_piece(token) for token in ids],
        scores=np.array([theirs.get_score(token) for token in ids], np.float32),
        token_type=np.array([kind(token) for token in ids], np.int32),
        bos_token_id=1,
        eos_token_id=2,
        unknown_token_id=0,
        **more,
    )


def of_tokenizer_json(document: dict[str, Any], pre: str, **more: Any) -> Values:
    """A byte-level ``tokenizer.json``."""
    by_id = {token: text for text, token in document["model"]["vocab"].items()}
    kinds = dict.fromkeys(by_id, Kind.NORMAL)
    for entry in document["added_tokens"]:
        by_id[entry["id"]] = entry["content"]
        kinds[entry["id"]] = Kind.CONTROL if entry["special"] else Kind.USER_DEFINED
    ids = {text: token for token, text in by_id.items()}
    return prefixed(
        model="gpt2",
        pre=pre,
        tokens=[by_id[token] for token in range(len(by_id))],
        token_type=np.array([kinds[token] for token in range(len(by_id))], np.int32),
        merges=[" ".join(merge) for merge in document["model"]["merges"]],
        bos_token_id=ids["<s>"],
        eos_token_id=ids["</s>"],
        **more,
    )
