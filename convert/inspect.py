"""What a checkpoint or a converted model is, and what a conversion would weigh: numbers, then text.

Reads headers and descriptions alone, never weights, unless checksums are asked for. Prints nothing.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .checkpoint import Checkpoint
from .desc import TOKENIZER_SUFFIX, ModelDesc, file_of, read_desc, stem_of, verify
from .files import is_file
from .layout import ModelConfig
from .pipeline import beside_source, bin_bytes, memory_bytes
from .weights import BLOCKS, FORMAT_NAMES, weight_format

VERSIONS = {0: "v0 (legacy, float32)", 1: "v1 (float32)", 2: "v2 (Q8_0)"}


@dataclass(frozen=True)
class Conversion:
    """What a checkpoint becomes in one format, in bytes; ``total`` has a full KV cache in it."""

    weights: str
    block: int
    disk: int
    memory: int
    total: int


@dataclass(frozen=True)
class Report:
    """A checkpoint (``kind`` "checkpoint") or a model ("model"); sizes in bytes.

    ``conversions`` of a model is one: itself. ``verified`` says that its checksums were held
    against its files.
    """

    kind: str
    path: str
    format: str
    size: int
    shape: ModelConfig
    parameters: int
    kv_cache: int
    tokenizer: str | None
    conversions: list[Conversion] = field(default_factory=list)
    group_size: int = 0
    source: str = ""
    converter: str = ""
    verified: bool = False

    def to_json(self) -> dict[str, object]:
        """Plain values, the shape's among the others."""
        values = asdict(self)
        shape: dict[str, object] = values.pop("shape")
        return {**values, **shape}


def inspect(path: str | os.PathLike[str], *, checksums: bool = False) -> Report:
    """Report on a checkpoint, or on a model by its stem or one of its files.

    With ``checksums`` a model's files are read whole and held against its description.
    Raises ``ConvertError``.
    """
    stem = _model_stem(Path(path))
    if stem is None:
        return _of_checkpoint(Path(path))
    d = read_desc(stem)
    if checksums:
        verify(stem, d)
    return _of_model(stem, d, checksums)


def is_model(path: str | os.PathLike[str]) -> bool:
    """Whether ``path`` names a converted model, and not a checkpoint."""
    return _model_stem(Path(path)) is not None


def _model_stem(path: Path) -> Path | None:
    stem = stem_of(path)
    if not stem.name:
        return None
    # A file that is there and bears no name of a model's is a checkpoint, whatever stands beside.
    if stem == path and is_file(path):
        return None
    if path.suffix in (".param", ".desc") or is_file(file_of(stem, ".desc")):
        return stem
    return None


def _of_checkpoint(path: Path) -> Report:
    with Checkpoint(path) as ck:
        c = ck.config
        cache = _cache_bytes(c)
        block = ck.group_size if ck.group_size in BLOCKS else 64
        formats = [weight_format(name, block) for name in FORMAT_NAMES]
        tokenizer = beside_source(path)
        return Report(
            kind="checkpoint",
            path=str(path),
            format=f"llama2.c {VERSIONS[ck.version]}",
            size=ck.size,
            shape=c,
            parameters=c.n_parameters,
            kv_cache=cache,
            tokenizer=str(tokenizer) if tokenizer else None,
            conversions=[
                Conversion(f.name, f.block, bin_bytes(c, f), m := memory_bytes(c, f), m + cache)
                for f in formats
            ],
            group_size=ck.group_size,
        )


def _of_model(stem: Path, d: ModelDesc, verified: bool) -> Report:
    shape = ModelConfig(
        dim=d.dim,
        hidden_dim=d.hidden_dim,
        n_layers=d.n_layers,
        n_heads=d.n_heads,
        n_kv_heads=d.n_kv_heads,
        vocab_size=d.vocab_size,
        context_length=d.context_length,
        tied=d.tied,
        rope_theta=d.rope_theta,
        norm_eps=d.norm_eps,
    )
    cache = d.cache_bytes(d.context_length)
    memory = d.weights_size * (2 if d.weights == "fp16" else 1)  # ncnn widens halves as it loads
    tokenizer = file_of(stem, TOKENIZER_SUFFIX)
    return Report(
        kind="model",
        path=str(stem),
        format="ncnn " + _weights(d.weights, d.block),
        size=d.param_size + d.bin_size,
        shape=shape,
        parameters=shape.n_parameters,
        kv_cache=cache,
        tokenizer=str(tokenizer) if is_file(tokenizer) else None,
        conversions=[Conversion(d.weights, d.block, d.bin_size, memory, memory + cache)],
        source=d.source,
        converter=d.converter,
        verified=verified,
    )


def _cache_bytes(c: ModelConfig) -> int:
    return 8 * c.n_layers * c.kv_dim * c.context_length


def format_report(r: Report) -> str:
    """The report as lines for a person."""
    c = r.shape
    facts = [
        ("parameters", f"{r.parameters:,}"),
        ("layers", f"{c.n_layers}"),
        ("dim", f"{c.dim} ({c.n_heads} heads of {c.head_dim}, {c.n_kv_heads} for keys and values)"),
        ("hidden dim", f"{c.hidden_dim}"),
        ("vocabulary", f"{c.vocab_size}, classifier {'shared' if c.tied else 'separate'}"),
        ("context", f"{c.context_length:,} tokens"),
        ("RoPE theta", f"{c.rope_theta:g}"),
    ]
    if r.group_size:
        facts.append(("group size", f"{r.group_size}"))
    if r.source:
        facts.append(("made from", r.source))
        facts.append(("made by", r.converter))
    facts.append(("tokenizer", r.tokenizer or "none beside it"))
    if r.verified:
        facts.append(("checksums", "match"))
    lines = [f"{r.path}: {r.format}, {human_bytes(r.size)}"]
    lines += [f"  {name:<12}{value}" for name, value in facts]
    return "\n".join([*lines, "", *_table(r)]) + "\n"


def _table(r: Report) -> list[str]:
    tokens = f"{r.shape.context_length:,} tokens"
    first = "as" if r.kind == "model" else "converted to"
    rows = [[first, "on disk", "in memory", f"with a KV cache of {tokens}"]]
    for x in r.conversions:
        sizes = [human_bytes(n) for n in (x.disk, x.memory, x.total)]
        rows.append([_weights(x.weights, x.block), *sizes])
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return [
        "  " + "  ".join(t.rjust(w) if i else t.ljust(w) for i, (t, w) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    ]


def _weights(name: str, block: int) -> str:
    return f"{name} in blocks of {block}" if block else name


def human_bytes(n: float) -> str:
    """``6.74 GB``: decimal units, three digits."""
    if n < 1000:
        return f"{n:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        n /= 1000
        if n < 999.5:
            return f"{n:.{max(0, 3 - len(str(int(n))))}f} {unit}"
    return f"{n / 1000:.2f} TB"
