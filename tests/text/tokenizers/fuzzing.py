"""Damaged tokenizer files of every kind: each is read, or refused with a ``ModelError``.

``python -m tests.text.tokenizers.fuzzing N`` tries N of each.
"""

from __future__ import annotations

import copy
import io
import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import sentencepiece

from convert.tokenizer_files import write_gguf_tokenizer
from llama2ncnn_chat.errors import ModelError
from llama2ncnn_chat.text.tokenizers.file_vocabulary import FileVocabulary
from llama2ncnn_chat.text.tokenizers.open import open_tokenizer
from tests.text.tokenizers.gguf_values import of_sentencepiece, of_tokenizer_json
from tests.text.tokenizers.hub_tokenizers import KINDS
from tests.text.tokenizers.test_sentencepiece import LLAMA, trained
from tests.text.tokenizers.test_tiktoken import LINES

TEXT = "<s>the cat ﬁ 日本語 <tool>s </s>\n\n 🙂  12345"


def bundle(values: dict[str, Any]) -> bytes:
    target = io.BytesIO()
    write_gguf_tokenizer(values, target)
    return target.getvalue()


def normalizing(small: dict[str, Any]) -> bytes:
    """A model with a small table of replacements."""
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules.tsv"
        rules.write_text("FB01\t66 69\n41 300\tC0\n3000\t20\n61\t62\n")
        options = small | {"normalization_rule_name": "", "normalization_rule_tsv": str(rules)}
        return trained(**options)


def shortened(document: dict[str, Any]) -> dict[str, Any]:
    """A ``tokenizer.json`` with few merges, numbered anew."""
    document = copy.deepcopy(document)
    model = document["model"]
    model["merges"] = model["merges"][:12]
    made = {"".join(merge) for merge in model["merges"]}
    kept = [t for t in model["vocab"] if len(t) == 1 or t in made or t.startswith("<0x")]
    model["vocab"] = {text: token for token, text in enumerate(["<unk>", *kept])}
    ids = dict(model["vocab"])
    for entry in document["added_tokens"]:
        entry["id"] = ids.setdefault(entry["content"], len(ids))
    return document


def whole_files() -> dict[str, bytes]:
    """A small file of each kind."""
    small = LLAMA | {"byte_fallback": False, "vocab_size": 100, "character_coverage": 0.98}
    theirs = sentencepiece.SentencePieceProcessor(model_proto=trained(**small))
    level, fallback = shortened(KINDS["added"]), shortened(KINDS["first, added"])
    return {
        "bpe": trained(**small | {"user_defined_symbols": ["<tool>", "<tool>s"]}),
        "unigram": trained(**small | {"model_type": "unigram"}),
        "normalizing": normalizing(small),
        "bytes": trained(**LLAMA | {"vocab_size": 350, "character_coverage": 0.98}),
        "byte-level": json.dumps(level).encode(),
        "byte-fallback": json.dumps(fallback).encode(),
        "tiktoken": b"\n".join(LINES[:280]),
        "gguf llama": bundle(of_sentencepiece(theirs)),
        "gguf gpt2": bundle(of_tokenizer_json(level, "llama-bpe")),
    }


def damaged(whole: bytes, rng: random.Random) -> bytes:
    """A file with a few bytes changed, cut out, doubled, or of JSON a few values replaced."""
    if whole[:1] == b"{" and rng.random() < 0.7:
        document = json.loads(whole)
        for _ in range(rng.randint(1, 3)):
            replace_somewhere(document, rng)
        return json.dumps(document).encode()
    data = bytearray(whole)
    # Most of a file is pieces; what is at its end and beginning is worth as many tries.
    for _ in range(rng.randint(1, 4)):
        edge = rng.choice([len(data), 200])
        at = rng.randrange(edge) if rng.random() < 0.5 else len(data) - 1 - rng.randrange(edge)
        at = min(max(at, 0), len(data) - 1)
        kind = rng.randrange(5)
        if kind < 2:
            data[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        elif kind == 2:
            del data[at : at + rng.choice([1, 1, 4, 100])]
        elif kind == 3:
            data[at:at] = data[at : at + rng.choice([1, 4, 100])]
        else:
            data[at : at + 5] = b"\xff\xff\xff\xff\x0f"
        if not data:
            break
    return bytes(data)


ODD: list[Any] = [None, True, -1, 0, 1 << 31, 1 << 70, 1.5, float("nan"), "", "a", "\ud800", [], {}]
ODD += [[[]], {"type": "Sequence"}, "<s>", "\0", "▁", [0] * 5, {"id": 0, "content": "the"}]


def replace_somewhere(document: Any, rng: random.Random) -> None:
    """Change one value, the outer ones as likely as those deep inside."""
    place = document
    while True:
        keys: list[Any] = [*place] if isinstance(place, dict) else [*range(len(place))]
        if not keys:
            return
        key = rng.choice(keys)
        inner = place[key]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.85:
            place = inner
            continue
        if rng.random() < 0.2:
            del place[key]
        else:
            place[key] = copy.deepcopy(rng.choice(ODD))
        return


def opened(path: Path) -> FileVocabulary | str:
    """The vocabulary, or why there is none."""
    try:
        return open_tokenizer(path)
    except ModelError as error:
        return str(error)


def tried(whole: bytes, path: Path, seed: int) -> bool:
    """Whether a damaged file was read all the same; then it encodes."""
    path.write_bytes(damaged(whole, random.Random(seed)))
    vocabulary = opened(path)
    if isinstance(vocabulary, str):
        assert "\n" not in vocabulary, vocabulary
        assert len(vocabulary) < 1200, vocabulary
        return False
    for prefix in (True, False):
        ids = vocabulary.encode(TEXT, prefix=prefix)
        assert all(0 <= token < vocabulary.vocab_size for token in ids)
        for token in ids:
            vocabulary.first_piece(token)
    return True


def main(n: int, kinds: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for kind, whole in whole_files().items():
            if not kinds or kind in kinds:
                read = 0
                for seed in range(n):
                    read += tried(whole, Path(folder) / "t", seed)
                sys.stdout.write(f"{kind}: {n} files, {read} read\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
