"""A report of formats as lines for a person, 80 columns wide."""

from __future__ import annotations

import textwrap

from convert.inspect import human_bytes

from .report import FormatRow, QualityReport

WIDTH = 80
DEFAULT, PLAIN = "*", "+"
HEAD = (
    *("weights", "bits", "on disk", "perplexity", "mean KL", "99% KL", "top-1"),
    *("decode", "prefill"),
)


def format_quality_report(r: QualityReport) -> str:
    """Write the report as a table, what it is on before it and what its marks say behind it."""
    text = "a text that the model wrote" if r.text is None else r.text
    about = f"{r.parameters:,} weights, on {r.tokens:,} tokens of {text}"
    rows = [list(HEAD), *(_cells(row) for row in r.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    table = [
        "  ".join(t.rjust(w) if i else t.ljust(w) for i, (t, w) in enumerate(cells)).rstrip()
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    ]
    return "\n".join([f"{r.model}: {r.format}", about, "", *table, "", *_foot(r)]) + "\n"


def _cells(row: FormatRow) -> list[str]:
    marks = DEFAULT * row.default + PLAIN * row.plain
    cells = [f"{row.weights} {marks}".rstrip(), f"{row.bits:.2f}", human_bytes(row.disk)]
    if row.measured is None:
        return [*cells, *["-"] * (len(HEAD) - len(cells))]
    f = row.measured.fidelity
    speeds = (row.measured.decode, row.measured.prefill)
    return [
        *cells,
        *(f"{f.perplexity:.3f}", f"{f.mean_kl:.5f}", f"{f.kl_99:.4f}", f"{f.same_top:.1%}"),
        *(f"{x:,.0f}" if x >= 100 else f"{x:.3g}" for x in speeds),
    ]


def _foot(r: QualityReport) -> list[str]:
    lines = [
        f"{DEFAULT} the default for this model; {PLAIN} any ncnn program loads it",
        f"KL divergence from {r.base} in nats; top-1: the likeliest token is the same",
        f"decode, prefill: tokens/s on this machine with {r.threads} threads",
        *r.notes,
        *(f"{row.weights}: not measured, {row.left_out}" for row in r.rows if row.left_out),
    ]
    return [part for line in lines for part in textwrap.wrap(line, WIDTH)]
