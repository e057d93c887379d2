"""Turns the written corpus into token rows with loss weights, and rows into padded batches.
Each row is one conversation or story from position 0 on; batches hold rows of like length."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sentencepiece as spm

from training.files import write_beside
from training.recipe import Recipe

BOS, EOS = 1, 2
Row = tuple[list[int], list[bool]]


def prompt_text(system: str | None, user: str) -> str:
    """Write one user turn in Llama 2's template; `system` on the first turn only."""
    block = f"<<SYS>>\n{system}\n<</SYS>>\n\n" if system else ""
    return f"[INST] {block}{user.strip()} [/INST]"


def texts_of(record: dict[str, Any]) -> list[tuple[str, bool]]:
    """List the texts that are encoded one by one, each with whether the model speaks it."""
    if "story" in record:
        return [(record["story"], True)]
    texts = []
    for number, (user, answer) in enumerate(record["turns"]):
        texts.append((prompt_text(None if number else record.get("system"), user), False))
        texts.append((answer, True))
    return texts


def row_of(encoded: list[tuple[list[int], bool]]) -> Row:
    """Lay out a row: BOS before each user text (or a story), EOS after each spoken text."""
    ids: list[int] = []
    spoken: list[bool] = []
    for number, (piece, speaks) in enumerate(encoded):
        if not speaks or number == 0:
            ids.append(BOS)
            spoken.append(False)
        ids += piece
        spoken += [speaks] * len(piece)
        if speaks:
            ids.append(EOS)
            spoken.append(True)
    return ids, spoken


def fit(row: Row, limit: int) -> Row:
    """Cut a row after its last whole reply within the limit (empty if there is none)."""
    ids, spoken = row
    if len(ids) <= limit:
        return row
    ends = [at for at, token in enumerate(ids[:limit]) if token == EOS]
    end = ends[-1] + 1 if ends else 0
    return ids[:end], spoken[:end]


def encode_records(
    processor: spm.SentencePieceProcessor, records: list[dict[str, Any]], limit: int
) -> Iterator[Row]:
    """Encode in one call to the tokenizer, then lay out each record's row."""
    texts = [texts_of(record) for record in records]
    pieces = iter(processor.encode([text for group in texts for text, _ in group]))
    for group in texts:
        row = fit(row_of([(next(pieces), speaks) for _, speaks in group]), limit)
        if row[0]:
            yield row


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """Read the corpus record by record."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def batched(records: Iterable[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """Part the records into lists of `size`; the last one may be shorter."""
    batch: list[dict[str, Any]] = []
    for record in records:
        batch.append(record)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def tokenize(recipe: Recipe) -> None:
    """Write the corpus as flat arrays: ids, whether spoken, and where each row starts."""
    processor = spm.SentencePieceProcessor(model_file=str(recipe.spm))
    ids: list[npt.NDArray[np.uint16]] = []
    spoken: list[npt.NDArray[np.bool_]] = []
    for records in batched(read_records(recipe.corpus), 4096):
        for row, speaks in encode_records(processor, records, recipe.shape.seq_len):
            ids.append(np.array(row, dtype=np.uint16))
            spoken.append(np.array(speaks, dtype=np.bool_))
    starts = np.cumsum([0] + [len(row) for row in ids])
    with write_beside(recipe.tokens) as path, path.open("wb") as file:
        np.savez(file, ids=np.concatenate(ids), spoken=np.concatenate(spoken), starts=starts)
    print(f"corpus: {len(ids)} rows, {starts[-1] / 1e6:.1f}M tokens")


class Rows:
    """The tokenized corpus in memory, and its seeded batches."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as arrays:
            self.ids = arrays["ids"]
            self.spoken = arrays["spoken"]
            self.starts = arrays["starts"]

    def plan(self, tokens: int, seed: int) -> list[npt.NDArray[np.int64]]:
        """Plan one epoch: the row numbers of each batch, batches in random order."""
        random = np.random.default_rng(seed)
        lengths = np.diff(self.starts)
        order = np.argsort(lengths + random.uniform(0, 24, len(lengths)))
        batches: list[npt.NDArray[np.int64]] = []
        batch: list[int] = []
        longest = 0
        for row in order:
            longest = max(longest, int(lengths[row]))
            if batch and longest * (len(batch) + 1) > tokens:
                batches.append(np.array(batch))
                batch, longest = [], int(lengths[row])
            batch.append(int(row))
        batches.append(np.array(batch))
        return [batches[at] for at in random.permutation(len(batches))]

    def batch(
        self, rows: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Give padded (ids, targets, spoken), each (rows, time); target -1 where padded."""
        time = int(max(self.starts[row + 1] - self.starts[row] for row in rows)) - 1
        ids = np.full((len(rows), time), EOS, dtype=np.int64)
        targets = np.full((len(rows), time), -1, dtype=np.int64)
        spoken = np.zeros((len(rows), time), dtype=np.bool_)
        for at, row in enumerate(rows):
            start, end = self.starts[row], self.starts[row + 1]
            ids[at, : end - start - 1] = self.ids[start : end - 1]
            targets[at, : end - start - 1] = self.ids[start + 1 : end]
            spoken[at, : end - start - 1] = self.spoken[start + 1 : end]
        return ids, targets, spoken
