"""The whole text of ids at once, which is what streaming must come to."""

from __future__ import annotations

from collections.abc import Iterable

from llama2ncnn_chat.text.detokenizer import Detokenizer
from llama2ncnn_chat.text.vocabulary import Vocabulary


def decoded(vocabulary: Vocabulary, ids: Iterable[int]) -> str:
    """Return the text of ids that begin one."""
    stream = Detokenizer(vocabulary, begins=True)
    return "".join([stream.feed(token) for token in ids]) + stream.flush()
