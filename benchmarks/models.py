"""A random converted model and a tokenizer, for benchmarks that run the program itself."""

from __future__ import annotations

import struct
from pathlib import Path

from convert.choosing import choose_format
from convert.known_shapes import SHAPES
from convert.pipeline import convert_tensors
from convert.sources.synthetic import SyntheticCheckpoint


def random_model(folder: Path, shape: str, weights: str = "int8") -> Path:
    """Write a model of random weights and a tokenizer into the folder; returns the model's stem."""
    source = SyntheticCheckpoint(SHAPES[shape])
    stem = folder / shape
    convert_tensors(source, stem, choose_format(source, weights, None))
    write_tokenizer(folder / "tokenizer.bin", SHAPES[shape].vocab_size)
    return stem


def write_tokenizer(path: Path, vocab_size: int) -> None:
    """Write llama2.c's format: three control pieces, the bytes, and words without meaning."""
    pieces = [b"<unk>", b"\n<s>\n", b"\n</s>\n", *(b"<0x%02X>" % byte for byte in range(256))]
    pieces += [b" w%d" % number for number in range(vocab_size - len(pieces))]
    with path.open("wb") as file:
        file.write(struct.pack("<i", max(map(len, pieces))))
        for piece in pieces:
            file.write(struct.pack("<fi", 0.0, len(piece)) + piece)
