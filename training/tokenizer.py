"""Trains the SentencePiece tokenizer on a sample of the corpus and exports llama2.c's file.
Its settings are Llama 2's: identity normalization, byte fallback, dummy prefix, split digits."""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Iterator
from pathlib import Path

import sentencepiece as spm

from training.dataset import read_records, texts_of
from training.files import write_beside
from training.recipe import Recipe


def sample_lines(recipe: Recipe) -> Iterator[str]:
    """Yield the lines of the corpus's first records, as the template writes them."""
    for record in itertools.islice(read_records(recipe.corpus), recipe.tokenizer_sample):
        for text, _ in texts_of(record):
            yield from (line for line in text.split("\n") if line)


def train_tokenizer(recipe: Recipe) -> None:
    """Train the SentencePiece model and write it."""
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=sample_lines(recipe),
        model_writer=model,
        model_type="bpe",
        vocab_size=recipe.shape.vocab_size,
        normalization_rule_name="identity",
        character_coverage=0.9999,
        byte_fallback=True,
        add_dummy_prefix=True,
        remove_extra_whitespaces=False,
        split_digits=True,
        allow_whitespace_only_pieces=True,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=-1,
        num_threads=recipe.threads,
        minloglevel=2,
    )
    with write_beside(recipe.spm) as path:
        path.write_bytes(model.getvalue())


def piece_bytes(processor: spm.SentencePieceProcessor, token: int) -> bytes:
    """Give a token's text as llama2.c's tokenizer.py writes it."""
    if token == processor.bos_id():
        return b"\n<s>\n"
    if token == processor.eos_id():
        return b"\n</s>\n"
    piece: str = processor.id_to_piece(token)
    return piece.replace("\u2581", " ").encode("utf-8")


def export_tokenizer(spm_model: Path, target: Path) -> None:
    """Write int32 longest, then per entry float32 score, int32 length, bytes."""
    processor = spm.SentencePieceProcessor(model_file=str(spm_model))
    pieces = [piece_bytes(processor, token) for token in range(processor.vocab_size())]
    with write_beside(target) as path, path.open("wb") as file:
        file.write(struct.pack("<i", max(map(len, pieces))))
        for token, piece in enumerate(pieces):
            file.write(struct.pack("<fi", processor.get_score(token), len(piece)) + piece)
