"""A model of random weights that llama.cpp and we read as it is, and chats with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import sentencepiece

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.launch.open_chat import open_chat
from llama2ncnn_chat.launch.options import options_of
from tests.gguf_writer import write_gguf
from tests.text.tokenizers.gguf_values import Values, of_sentencepiece
from tests.text.tokenizers.test_sentencepiece import LLAMA, trained
from tests.tiny_model import random_weights, tiny_config

TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}{{ ' ' + m['content'] + '</s>' }}"
    "{% else %}{{ '<s>[INST] ' + m['content'] + ' [/INST]' }}{% endif %}{% endfor %}"
)


def write_miniature(
    path: Path, n_context: int, vocabulary: Values | None = None, **shape: Any
) -> Path:
    """Write it with a template and SentencePiece's vocabulary, if none is named.

    ``shape`` makes it larger than it has to be.
    """
    theirs = vocabulary or of_sentencepiece(
        sentencepiece.SentencePieceProcessor(model_proto=trained(**LLAMA))
    )
    values = {**theirs, "tokenizer.chat_template": TEMPLATE}
    n_tokens = len(values["tokenizer.ggml.tokens"])
    c = tiny_config(vocab_size=n_tokens, seq_len=n_context, **shape)
    keys = {key.replace(".", "__"): value for key, value in values.items()}
    return write_gguf(path, c, random_weights(c, 3), **keys)


def step(_what: str) -> Callable[[int, int], None]:
    return lambda _done, _total: None


def opened(**flags: Any) -> Chat:
    typed = {"threads": "1", "max_tokens": "24", "temperature": "0", **flags}
    chat = open_chat(options_of(typed, {}, Path("/none")), step)
    chat.record_choices()
    return chat
