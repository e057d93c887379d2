"""What every weight format makes of one model: converted, compared and timed, one after another.

The texts' log-probabilities in the most exact format are kept, and one conversion at a time stands
in a temporary folder. Draws nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from statistics import median

from convert.inspect import human_bytes
from convert.progress import Step
from convert.room import refuse_if_full
from convert.stated import OTHER_ORDER
from convert.stem import TOKENIZER_SUFFIX, file_of
from convert.temporary import temporary_folder

from ..errors import ModelError
from ..model.engine import Engine
from ..model.ncnn_engine import NcnnEngine
from ..text.tokenizers.open import open_tokenizer
from .errors import as_convert_errors
from .fidelity import Float32, compare, log_probabilities, logits_of
from .plan import DECODED, PROMPT, Plan, plan_report
from .report import Measured, QualityReport, Wanted
from .rope_order import settled
from .speed import decode_rates, prefill_rates, warm_up
from .texts import sampled_texts, texts_of_file
from .trial import converted

REPEATS, PATIENCE = 3, 4.0
"""Runs of a speed, and seconds after which no other begins."""

BOS = 1
"""What a text begins with where no tokenizer says it."""


def quality_report(model: Path, wanted: Wanted, step: Step) -> QualityReport:
    """Measure what every format makes of a model that isn't converted yet.

    Raises ``ConvertError`` for a model that is, that can't be read or has no tokenizer for a text,
    and where there is too little room for the conversions.
    """
    with as_convert_errors():
        plan = plan_report(model, wanted)
        stated = settled(wanted.stated, model, wanted.tokenizer)
        if stated != wanted.stated:
            report = replace(plan.report, notes=(*plan.report.notes, OTHER_ORDER))
            plan, wanted = replace(plan, report=report), replace(wanted, stated=stated)
        return _measured(plan, wanted, step)


def _measured(plan: Plan, wanted: Wanted, step: Step) -> QualityReport:
    base, found = plan.report.base, dict[str, Measured]()
    with temporary_folder() as folder:
        refuse_if_full(
            folder,
            plan.disk,
            f"{plan.path}: the largest conversion",
            "make room, choose fewer --weights, or set TMPDIR to a folder that has it",
        )
        step(f"one conversion at a time in {folder}, up to {human_bytes(plan.disk)}")
        with _converted(plan, base, folder, wanted, step) as engine:
            texts = _texts(plan, engine, wanted.text, step)
            reference = [log_probabilities(logits_of(engine, ids)) for ids in texts]
            threads, notes = engine.threads, dict.fromkeys(plan.report.notes)
            if base in plan.measured:
                found[base] = _measure(base, engine, reference, texts, step)
        for weights in plan.measured:
            if weights != base:
                with _converted(plan, weights, folder, wanted, step) as engine:
                    found[weights] = _measure(weights, engine, reference, texts, step)
                    notes |= dict.fromkeys([engine.note] if engine.note else [])
    return replace(
        plan.report,
        tokens=sum(map(len, texts)),
        threads=threads,
        notes=tuple(notes),
        rows=tuple(replace(row, measured=found.get(row.weights)) for row in plan.report.rows),
    )


def _converted(
    plan: Plan, weights: str, folder: Path, wanted: Wanted, step: Step
) -> AbstractContextManager[NcnnEngine]:
    told = step(f"{weights}: converting")
    return converted(
        plan.path,
        weights,
        folder,
        context_length=plan.context,
        tokenizer=wanted.tokenizer,
        stated=wanted.stated,
        progress=lambda p: told(p.bytes, p.n_bytes),
    )


def _texts(plan: Plan, engine: NcnnEngine, text: Path | None, step: Step) -> list[list[int]]:
    tokenizer = file_of(engine.stem, TOKENIZER_SUFFIX)
    if text:
        vocabulary = open_tokenizer(tokenizer, engine.vocab_size)
        return texts_of_file(text, vocabulary, plan.n_texts, plan.size)
    opening: Sequence[int] = ()
    with suppress(ModelError):  # none, or one that can't be read: nothing is read by it
        opening = open_tokenizer(tokenizer, engine.vocab_size).opening
    told = step(f"{plan.report.base}: writing a text")
    return sampled_texts(engine, opening or (BOS,), plan.n_texts, plan.size, told)


def _measure(
    weights: str,
    engine: Engine,
    reference: Sequence[Float32],
    texts: Sequence[Sequence[int]],
    step: Step,
) -> Measured:
    told = step(f"{weights}: comparing")

    def logits() -> Iterator[Float32]:
        for done, ids in enumerate(texts):
            told(done, len(texts))
            yield logits_of(engine, ids)

    fidelity = compare(reference, logits(), texts)
    step(f"{weights}: measuring its speed")
    n_prompt, n_decoded = (min(n, engine.context_length) for n in (PROMPT, DECODED))
    warm_up(engine)
    return Measured(
        fidelity,
        decode=median(decode_rates(engine, n_decoded, REPEATS, patience=PATIENCE)),
        prefill=median(prefill_rates(engine, n_prompt, REPEATS, patience=PATIENCE)),
    )
