"""A report before anything is measured: which formats, on how much text, in how much room."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from convert.choosing import choose_format
from convert.errors import ConvertError
from convert.files import open_regular
from convert.format_names import FORMAT_NAMES, PLAIN_NAMES, SLOW_NAMES
from convert.formats.codec import Codec
from convert.inspect import human_bytes
from convert.pipeline import bin_bytes, matrix_bits, memory_bytes
from convert.seal import is_model
from convert.shape import ModelShape
from convert.sources import open_source
from convert.vocabulary import companions_of

from .machine import available_memory
from .report import FormatRow, QualityReport, Wanted

EXACT, NEARLY = "fp32", "q8"
"""What all are compared with, and what where there is too little memory for that."""

PIECE = 256
"""Tokens of a text, of which there are as many as it takes."""
PROMPT, DECODED = 128, 32
"""Tokens that speeds are measured by."""


@dataclass(frozen=True)
class Plan:
    """A report before anything is measured, the model's shape, and what the folder must hold."""

    report: QualityReport
    path: Path
    shape: ModelShape
    n_texts: int
    size: int
    disk: int

    @property
    def context(self) -> int:
        """The tokens that an engine has room for."""
        return min(self.shape.context_length, max(self.size, PROMPT, DECODED))

    @property
    def measured(self) -> list[str]:
        """The formats to measure."""
        return [row.weights for row in self.report.rows if not row.left_out]


def plan_report(model: Path, wanted: Wanted) -> Plan:
    """Read the model's headers, and find out which formats can be measured here.

    Raises ``ConvertError``.
    """
    if is_model(model):
        raise ConvertError(
            f"{model}: is a converted model, and a report compares conversions of an original",
            "name what it was made from (--inspect says it)",
        )
    if wanted.text:
        open_regular(wanted.text).close()  # refused now, not after a conversion
    with open_source(model) as source:
        shape = source.shape
        if wanted.text and not companions_of(source, wanted.tokenizer).has_tokenizer:
            raise ConvertError(
                f"{model}: has no tokenizer to read {wanted.text} by",
                "name it with --tokenizer, or leave out --text",
            )
        default = choose_format(source, None, None).name
        codecs = {name: choose_format(source, name, None) for name in FORMAT_NAMES}
        named, kind = str(source.path), source.format
    size = min(PIECE, shape.context_length, wanted.tokens)
    n_texts = -(-wanted.tokens // size)
    lacking = _lacking(shape, codecs, size, n_texts)
    base = NEARLY if EXACT in lacking else EXACT
    left_out = {} if wanted.weights else dict.fromkeys(SLOW_NAMES, "slow: --weights measures it")
    left_out |= lacking
    rows = tuple(
        _row(shape, codec, default, left_out.get(name, ""))
        for name, codec in codecs.items()
        if name in (wanted.weights or FORMAT_NAMES)
    )
    made = {base, *(row.weights for row in rows if not row.left_out)}
    disk = max(bin_bytes(shape, codecs[name]) for name in made)
    notes = (f"too little memory for {EXACT}: compared with {base}",) if base != EXACT else ()
    text = None if wanted.text is None else str(wanted.text)
    report = QualityReport(*(named, kind, shape.n_parameters, text, 0, 0, base, notes, rows))
    return Plan(report, model, shape, n_texts, -(-wanted.tokens // n_texts), disk)


def _lacking(
    shape: ModelShape, codecs: dict[str, Codec], size: int, n_texts: int
) -> dict[str, str]:
    """The formats that there is too little memory for, and a line on each."""
    available = available_memory()
    if available is None:
        return {}
    # The reference, one text's logits, and the cache come on top; what is mapped needs not fit.
    beside = 4 * shape.vocab_size * size * (n_texts + 2) + shape.cache_bytes(max(size, PROMPT), 4)
    needs = {
        name: memory_bytes(shape, codec) + beside
        for name, codec in codecs.items()
        if not codec.fused
    }
    there = f"of memory and {human_bytes(available)} are available"
    return {name: f"takes {human_bytes(n)} {there}" for name, n in needs.items() if n > available}


def _row(shape: ModelShape, codec: Codec, default: str, left_out: str) -> FormatRow:
    return FormatRow(
        weights=codec.name,
        block=codec.block,
        bits=matrix_bits(shape, codec),
        disk=bin_bytes(shape, codec),
        plain=codec.name in PLAIN_NAMES,
        default=codec.name == default,
        left_out=left_out,
    )
