"""Texts to compare on: a file cut into pieces, and what a model writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert.errors import ConvertError
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from llama2ncnn_chat.quality.texts import sampled_texts, texts_of_file
from llama2ncnn_chat.text.tokenizers.file_vocabulary import FileVocabulary
from tests.model.tiny_engine import make
from tests.tiny_model import forward, random_weights, tiny_config


class Letters:
    """Every character is an id of its own, 10 and up."""

    def encode(self, text: str, prefix: bool) -> list[int]:
        return [10 + ord(c) for c in text]


def letters(*opening: int) -> FileVocabulary:
    return FileVocabulary([b""] * 200, {}, Letters(), opening, frozenset())


def test_a_file_is_cut_and_every_piece_begins_like_a_text(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("\ufeffabcdefgh")
    a = 10 + ord("a")
    texts = texts_of_file(tmp_path / "text", letters(1, 2), 3, 5)
    assert texts == [[1, 2, a, a + 1, a + 2], [1, 2, a + 3, a + 4, a + 5], [1, 2, a + 6, a + 7]]
    assert texts_of_file(tmp_path / "text", letters(1), 1, 3) == [[1, a, a + 1]]
    # One id alone predicts nothing.
    assert texts_of_file(tmp_path / "text", letters(), 9, 7) == [[*range(a, a + 7)]]


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "no text to compare"), (b"\xff\xfe a", "no text in UTF-8")]
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "text").write_bytes(content)
    with pytest.raises(ConvertError, match=says):
        texts_of_file(tmp_path / "text", letters(1), 2, 8)
    with pytest.raises(ConvertError, match="No such file"):
        texts_of_file(tmp_path / "absent", letters(1), 2, 8)


def test_a_model_writes_the_same_texts_again_and_they_are_likely(tmp_path: Path) -> None:
    config = tiny_config()
    engine = NcnnEngine(make(tmp_path, config, "fp32"), threads=1)
    told: list[tuple[int, int]] = []
    texts = sampled_texts(engine, [5, 6], 3, 20, lambda *done: told.append(done))
    assert [len(ids) for ids in texts] == [20] * 3
    assert all(ids[:2] == [5, 6] for ids in texts)
    assert len({tuple(ids) for ids in texts}) == 3
    assert told[-1] == (60, 60)
    assert sampled_texts(engine, [5, 6], 3, 20) == texts
    ids = texts[0]
    logits = forward(config, random_weights(config, 1), ids)
    loss = np.log(np.exp(logits).sum(axis=1))[:-1] - logits[np.arange(19), ids[1:]]
    assert loss[1:].mean() < np.log(config.vocab_size) - 0.3  # far likelier than chance
    assert [len(ids) for ids in sampled_texts(engine, [5], 1, 1000)] == [config.seq_len]
