"""SentencePiece's own ``tokenizer.model``: reads the file, and encodes as SentencePiece does.

It gets the file's bytes, and what stands beside it of added tokens, and knows no files and no
models. Source of the numbers: ``sentencepiece_model.proto``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from .added import AddedToken, Beside
from .file_vocabulary import KNOWN_ENDS, FileVocabulary
from .merging import Merger
from .normalizer import Normalizer, rules_of
from .pieces import Cutter, Kind, Piece, PieceTable, SentencePieceEncoder
from .protobuf import Field, fields
from .unigram import UNKNOWN_PENALTY, BestPath

MAX_PIECE_BYTES = 1024
"""A bound on a piece that has a score; Llama's longest has 48."""

_PIECE, _TRAINER, _NORMALIZER, _DENORMALIZER = 1, 2, 3, 5  # of the model
_TEXT, _SCORE, _KIND = 1, 2, 3  # of a piece
_MODEL_TYPE, _SUFFIX, _BYTE_FALLBACK, _BOS, _EOS = 3, 24, 35, 46, 47  # of the trainer
_TABLE, _DUMMY_PREFIX, _REMOVE_SPACES, _ESCAPE = 2, 3, 4, 5  # of the normalizer
_UNIGRAM, _BPE = 1, 2
_TYPES = {3: "whole words", 4: "single characters"}


def is_sentencepiece(data: bytes) -> bool:
    """Tell whether these bytes begin as a model does: with a first piece that isn't empty."""
    return data[:1] == b"\x0a" and data[1:2] not in (b"", b"\0")


def sentencepiece_vocabulary(data: bytes, beside: Beside | None = None) -> FileVocabulary:
    """Read a model, BPE or unigram, with the tokens that were added to it beside.

    Raises ``ValueError`` that goes on from "the tokenizer" with what is wrong.
    """
    pieces, trainer, normalizer = _parsed(data)
    model_type = _number(trainer, _MODEL_TYPE, _UNIGRAM)
    if model_type not in (_UNIGRAM, _BPE):
        what = _TYPES.get(model_type, f"type {model_type}")
        raise ValueError(
            f"is a SentencePiece model of {what}; those of BPE and unigram can be read"
        )
    if trainer.get(_SUFFIX):
        raise ValueError("puts its spaces after words, which isn't known here")
    if not _number(normalizer, _ESCAPE, 1):
        raise ValueError("leaves spaces unmarked, which isn't known here")
    beside = beside or Beside()
    names = [_text(trainer, _BOS, "<s>"), beside.eos or _text(trainer, _EOS, "</s>")]
    if not trainer.get(_BYTE_FALLBACK) and any(piece.kind == Kind.BYTE for piece in pieces):
        raise ValueError("is broken: it has pieces for bytes, but says that it knows none")
    table = PieceTable(_with_added(pieces, beside.added))
    cutter, protected = _cutter(table, pieces, model_type)
    dummy_prefix = bool(_number(normalizer, _DUMMY_PREFIX, 1))
    remove_spaces = bool(_number(normalizer, _REMOVE_SPACES, 1))
    settings = Normalizer(
        rules_of(_bytes(normalizer, _TABLE)),
        add_dummy_prefix=dummy_prefix,
        remove_extra_whitespaces=remove_spaces,
        protected=table.user_defined,
    )
    bos, eos = (table.controls.get(name) for name in names)
    known = {i for name in KNOWN_ENDS if (i := table.controls.get(name)) is not None}
    return FileVocabulary(
        pieces=table.contents,
        controls=table.controls,
        encoder=SentencePieceEncoder(table, settings, cutter, protected),
        opening=(bos,) if beside.add_bos is not False and bos is not None else (),
        ends=frozenset(known if eos is None else {eos}),
        strips_space=dummy_prefix or remove_spaces,
    )


def _cutter(
    table: PieceTable, pieces: Sequence[Piece], model_type: int
) -> tuple[Cutter, Sequence[str]]:
    """The model's way to cut, and the pieces that are cut out before."""
    if model_type == _BPE:
        merger = Merger(table.ids, table.scores, table.fallback, table.unused)
        return merger, table.user_defined
    normal = [piece.score for piece in pieces if piece.kind == Kind.NORMAL]
    unknown_score = min(normal, default=0.0) - UNKNOWN_PENALTY
    ids = {text: token for text, token in table.ids.items() if text not in table.unused}
    scores = {text: table.scores[text] for text in ids}
    for text in table.user_defined:  # so good that nothing else is chosen
        scores[text] = float(np.float32(len(text.encode()) * max(normal, default=0.0))) - 0.1
    return BestPath(ids, scores, table.fallback, unknown_score), ()


def _with_added(pieces: list[Piece], added: Iterable[AddedToken]) -> list[Piece]:
    """The pieces with those behind them, and the kinds, that the files beside the model tell."""
    whole = list(pieces)
    for token in sorted(added):
        kind = Kind.CONTROL if token.control else Kind.USER_DEFINED
        if token.id < len(whole):
            if kind == Kind.CONTROL and whole[token.id].kind != Kind.UNKNOWN:
                whole[token.id] = whole[token.id]._replace(kind=kind)
        elif token.id == len(whole):
            whole.append(Piece(token.content, 0.0, kind))
        else:
            raise ValueError(f"has {len(whole)} entries, but an added token has the id {token.id}")
    return whole


_Message = dict[int, Field]


def _parsed(data: bytes) -> tuple[list[Piece], _Message, _Message]:
    pieces: list[Piece] = []
    trainer: _Message = {}
    normalizer: _Message = {}
    try:
        for number, value in fields(data):
            if number not in (_PIECE, _TRAINER, _NORMALIZER, _DENORMALIZER):
                continue
            if not isinstance(value, bytes):
                raise ValueError(f"field {number} is no message")
            message = dict(fields(value))
            if number == _PIECE:
                pieces.append(_piece(message, len(pieces)))
            elif number == _TRAINER:
                trainer |= message
            elif number == _NORMALIZER:
                normalizer |= message
            elif message.get(_TABLE):
                raise ValueError("it changes decoded text, which isn't known here")
    except ValueError as error:
        raise ValueError(f"is broken or no SentencePiece model: {error}") from error
    if not pieces:
        raise ValueError("is a SentencePiece model without a piece")
    return pieces, trainer, normalizer


def _piece(message: _Message, token: int) -> Piece:
    raw, score = message.get(_TEXT), message.get(_SCORE, 0.0)
    kind = _number(message, _KIND, Kind.NORMAL)
    if not isinstance(raw, bytes) or not raw:
        raise ValueError(f"piece {token} has no text")
    if not isinstance(score, float) or not math.isfinite(score):
        raise ValueError(f"piece {token} has a score of {score!r:.40}")
    if kind not in tuple(Kind):
        raise ValueError(f"piece {token} is of the type {kind}")
    if len(raw) > MAX_PIECE_BYTES:
        raise ValueError(f"piece {token} has {len(raw)} bytes")
    return Piece(raw.decode(), score, kind)


def _number(message: _Message, field: int, default: int) -> int:
    value = message.get(field, default)
    if not isinstance(value, int):
        raise ValueError(f"is broken: field {field} of its settings is no number")
    return value


def _bytes(message: _Message, field: int) -> bytes:
    value = message.get(field, b"")
    if not isinstance(value, bytes):
        raise ValueError(f"is broken: field {field} of its settings is no text")
    return value


def _text(message: _Message, field: int, default: str) -> str:
    return _bytes(message, field).decode("utf-8", "replace") or default
