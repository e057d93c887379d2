"""The vocabulary inside a GGUF file, out of its ``tokenizer.ggml.*`` values.

It gets plain values of which nothing is believed; it knows no files and no tensors.
Source: ``llama-vocab.cpp`` of llama.cpp for the keys, their defaults, and what each name means.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .added import MAX_ID, Beside, is_control
from .byte_level import DIGIT, GPT2, GPT4O, LLAMA3, QWEN2, TEKKEN, byte_level_json
from .file_vocabulary import KNOWN_ENDS, FileVocabulary
from .merging import Merger
from .normalizer import SPACE
from .pieces import Cutter, Kind, Piece, PieceTable, UserDefined
from .tokenizer_json import tokenizer_json_vocabulary

_PREFIX = "tokenizer.ggml."


@dataclass(frozen=True)
class _Pre:
    """What a value of ``tokenizer.ggml.pre`` stands for."""

    patterns: tuple[str, ...]
    ignore_merges: bool = False
    add_bos: bool = False


_EAST_ASIAN = "[一-龥ࠀ-一가-\ud7ff]+"
_WORDS = " ?[^(\\s|.,!?…。，、।۔،)]+"  # noqa: RUF001 (marks of many scripts)
_DEEPSEEK3 = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_GROUPS = {
    "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2": _Pre(
        (LLAMA3,), True, True
    ),
    "dbrx smaug-bpe": _Pre((LLAMA3,)),
    "qwen2 deepseek-r1-qwen stablelm2 megrez hunyuan": _Pre((QWEN2,)),
    "gpt-2 phi-2 olmo mpt jais gigachat mellum exaone4 trillion granite-docling": _Pre((GPT2,)),
    "smollm starcoder refact command-r codeshell exaone minerva-7b": _Pre((DIGIT, GPT2)),
    "tekken": _Pre((TEKKEN,), True, True),
    "gpt-4o llama4": _Pre((GPT4O,)),
    "deepseek-coder": _Pre((r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", _EAST_ASIAN, DIGIT)),
    "deepseek-v3": _Pre((r"\p{N}{1,3}", "[一-龥\u3040-\u309f\u30a0-\u30ff]+", _DEEPSEEK3)),
    "poro-chat": _Pre((_WORDS,)),
    "viking": _Pre((_WORDS, DIGIT)),
}
PRE = {name: pre for names, pre in _GROUPS.items() for name in names.split()}
"""How text is cut before it is merged, by name."""


def vocabulary_of_gguf(values: Mapping[str, Any]) -> FileVocabulary:
    """Make a vocabulary of a file's key-values, of which ``tokenizer.ggml.*`` are read.

    Arrays may be lists or numpy's. Raises ``ValueError`` that goes on from "the tokenizer" with
    what is wrong.
    """
    model = values.get(_PREFIX + "model")
    if model == "llama":
        vocabulary = _sentencepiece(values)
    elif model == "gpt2":
        vocabulary = _byte_level(values)
    else:
        raise ValueError(f"is of the GGUF model {model!r:.40}; llama and gpt2 can be read")
    ends = {
        _id(values, f"{name}_token_id", vocabulary.vocab_size) for name in ("eos", "eot", "eom")
    }
    known = {vocabulary.special(name) for name in KNOWN_ENDS}
    return vocabulary.with_ends(token for token in ends | known if token is not None)


class GgufEncoder:
    """Text to ids as llama.cpp does it: a prefix again after every piece that is cut out."""

    def __init__(self, table: PieceTable, cutter: Cutter, add_space_prefix: bool) -> None:
        """Take the parts; ``add_space_prefix`` puts a space before every text."""
        self._table, self._cutter, self._space = table, cutter, " " if add_space_prefix else ""
        self._user_defined = UserDefined(table.user_defined)

    def encode(self, text: str, prefix: bool) -> list[int]:
        """Return the ids of a text; ``prefix``: a text begins there."""
        ids: list[int] = []
        for at, part in enumerate(self._user_defined.split(text)):
            if at % 2:
                ids.append(self._table.ids[part])
            elif part:
                space = self._space if prefix or at else ""
                ids += self._cutter.encode((space + part).replace(" ", SPACE))
        return ids


def _sentencepiece(values: Mapping[str, Any]) -> FileVocabulary:
    texts, kinds = _tokens(values)
    scores = _list(values, "scores")
    if len(scores) != len(texts):
        raise ValueError(f"is broken: it has {len(texts)} tokens, but {len(scores)} scores")
    pieces = []
    for token, (text, score, kind) in enumerate(zip(texts, scores, kinds, strict=True)):
        if not isinstance(score, int | float) or not math.isfinite(score):
            raise ValueError(f"is broken: the score of token {token} is {score!r:.40}")
        pieces.append(Piece(text, float(score), kind))
    unknown = _id(values, "unknown_token_id", len(texts))
    if unknown is not None:
        pieces[unknown] = pieces[unknown]._replace(kind=Kind.UNKNOWN)
    table = PieceTable(pieces)
    space = _flag(values, "add_space_prefix", True)
    bos = _id(values, "bos_token_id", len(texts), default=1)
    eos = _id(values, "eos_token_id", len(texts), default=2)
    return FileVocabulary(
        pieces=table.contents,
        controls=table.controls,
        encoder=GgufEncoder(table, Merger(table.ids, table.scores, table.fallback), space),
        opening=(bos,) if bos is not None and _flag(values, "add_bos_token", True) else (),
        ends=frozenset() if eos is None else frozenset({eos}),
        strips_space=space,
        begins_after_controls=space,
    )


def _byte_level(values: Mapping[str, Any]) -> FileVocabulary:
    name = values.get(_PREFIX + "pre")
    pre = PRE.get(name) if isinstance(name, str) else None
    if pre is None:
        what = "doesn't say how it cuts words" if name is None else f"cuts words by {name!r:.40}"
        raise ValueError(f"{what} (tokenizer.ggml.pre); known are {', '.join(sorted(PRE))}")
    texts, kinds = _tokens(values)
    merges = [merge.split(" ", 1) for merge in _texts(values, "merges")]
    known = set(texts)
    halves = (
        m for m in merges if len(m) < 2 or m[0] + m[1] not in known or not known.issuperset(m)
    )
    if wrong := next(halves, None):
        raise ValueError(f"is broken: a merge is {' '.join(wrong)!r:.80}")
    marked = (Kind.CONTROL, Kind.UNKNOWN, Kind.USER_DEFINED)
    added = [
        {"id": token, "content": text, "special": kind != Kind.USER_DEFINED}
        for token, (text, kind) in enumerate(zip(texts, kinds, strict=True))
        if kind in marked and text
    ]
    vocab: dict[str, int] = {}
    for token, text in enumerate(texts):
        vocab.setdefault(text, token)
    document = byte_level_json(
        vocab, merges, list(pre.patterns), ignore_merges=pre.ignore_merges, added=added
    )
    bos = _id(values, "bos_token_id", len(texts))
    beside = Beside(
        bos=None if bos is None else texts[bos],
        add_bos=_flag(values, "add_bos_token", pre.add_bos),
    )
    return tokenizer_json_vocabulary(document, beside).padded(len(texts))


def _tokens(values: Mapping[str, Any]) -> tuple[list[str], list[int]]:
    """The tokens' texts and kinds; what looks like a mark of turns is none to be typed."""
    texts = _texts(values, "tokens")
    if not 0 < len(texts) <= MAX_ID:
        raise ValueError(f"is broken: it has {len(texts)} tokens")
    kinds = _list(values, "token_type") if _PREFIX + "token_type" in values else [1] * len(texts)
    if len(kinds) != len(texts):
        raise ValueError(f"is broken: it has {len(texts)} tokens, but {len(kinds)} types")
    last = int(Kind.BYTE)
    if not all(isinstance(kind, int) and 0 <= kind <= last for kind in kinds):
        raise ValueError("is broken: a token is of a type that isn't known")
    return texts, [
        Kind.CONTROL if kind == Kind.USER_DEFINED and is_control(text, False) else kind
        for text, kind in zip(texts, kinds, strict=True)
    ]


def _list(values: Mapping[str, Any], key: str) -> list[Any]:
    value = values.get(_PREFIX + key)
    value = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise ValueError(f"is broken: {_PREFIX}{key} is no list")
    return list(value)


def _texts(values: Mapping[str, Any], key: str) -> list[str]:
    texts = _list(values, key)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"is broken: {_PREFIX}{key} is no list of texts")
    return texts


def _flag(values: Mapping[str, Any], key: str, default: bool) -> bool:
    return bool(values.get(_PREFIX + key, default))


def _id(values: Mapping[str, Any], key: str, n: int, default: int | None = None) -> int | None:
    """An id among ``n``; llama.cpp's 2**32 - 1 is none. ValueError for any other."""
    token = values.get(_PREFIX + key, default)
    if token is None or token in (-1, 0xFFFFFFFF):
        return None
    if not isinstance(token, int) or not 0 <= token < n:
        raise ValueError(f"is broken: {_PREFIX}{key} is {token!r:.40}, but it has {n} tokens")
    return token
