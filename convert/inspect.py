"""What a checkpoint or a converted model is, and what a conversion would weigh: numbers, then text.

Reads headers and descriptions alone, never weights, unless checksums are asked for. Prints nothing.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .choosing import choose_format
from .decoder import cache_bytes, codec_of_model
from .desc import ModelDesc, flat, read_desc, verify
from .files import is_file
from .format_names import FORMAT_NAMES
from .formats.codec import Codec, Float32, NonFiniteError, QuantisedRows
from .formats.mixture import format_matrices
from .pipeline import bin_bytes, memory_bytes
from .seal import model_stem
from .shape import ModelShape
from .sources import open_source
from .sources.source import TensorSource
from .stem import TOKENIZER_SUFFIX, file_of
from .stream import SourceRows
from .vocabulary import Companions, companions_of

UNLESS = ", unless a text tells otherwise"
"""What is said of an order that no file says: a conversion may try it."""


@dataclass(frozen=True)
class Conversion:
    """What a checkpoint becomes in one format, in bytes; ``total`` has a full KV cache in it.

    ``unchanged`` of its ``matrices`` move over in the blocks that they stand in, without loss;
    ``types`` has the same two counts for each type that the source keeps them in. ``eight_bits``
    names those that keep 8 bits among others of 4.
    """

    weights: str
    block: int
    disk: int
    memory: int
    total: int
    matrices: int = 0
    unchanged: int = 0
    types: dict[str, tuple[int, int]] = field(default_factory=dict)
    eight_bits: str = ""


@dataclass(frozen=True)
class Report:
    """A checkpoint (``kind`` "checkpoint") or a model ("model"); sizes in bytes.

    ``conversions`` of a model is one: itself; those of a checkpoint say by ``default`` which it
    becomes if nobody chooses, and by ``says_rope_order`` whether its RoPE's order is certain.
    ``verified`` says that its checksums were held against its files.
    """

    kind: str
    path: str
    format: str
    size: int
    shape: ModelShape
    parameters: int
    kv_cache: int
    tokenizer: str | None
    conversions: list[Conversion] = field(default_factory=list)
    default: str = ""
    says_rope_order: bool = True
    group_size: int = 0
    source: str = ""
    converter: str = ""
    verified: bool = False

    def to_json(self) -> dict[str, object]:
        """Give plain values by name, the shape's among the others."""
        values = asdict(self)
        del values["shape"]
        shape = {key.replace(".", "_"): value for key, value in flat(self.shape).items()}
        return values | shape


@dataclass(frozen=True)
class Glance:
    """What a ``Report`` begins with: where it is, its weights' format and bytes."""

    path: str
    format: str
    size: int


def glance(path: str | os.PathLike[str]) -> Glance:
    """Look at what lies there, as far as its header tells it. Raises ``ConvertError``."""
    stem = model_stem(Path(path))
    if stem is None:
        with open_source(path) as source:
            return Glance(str(source.path), source.format, source.size)
    d = read_desc(stem)
    return Glance(str(stem), _format(d), d.param_size + d.bin_size)


def inspect(path: str | os.PathLike[str], *, checksums: bool = False) -> Report:
    """Report on a checkpoint, or on a model by its stem or one of its files.

    With ``checksums`` a model's files are read whole and held against its description.
    Raises ``ConvertError``.
    """
    stem = model_stem(Path(path))
    if stem is None:
        return _of_checkpoint(Path(path))
    d = read_desc(stem)
    if checksums:
        verify(stem, d)
    return _of_model(stem, d, checksums)


def _of_checkpoint(path: Path) -> Report:
    with open_source(path) as source:
        shape = source.shape
        companions = companions_of(source)
        default = choose_format(source, None, None)
        codecs = [choose_format(source, name, None) for name in FORMAT_NAMES]
        return Report(
            kind="checkpoint",
            path=str(source.path),
            format=source.format,
            size=source.size,
            shape=shape,
            parameters=shape.n_parameters,
            kv_cache=cache_bytes(shape, default, shape.context_length),
            tokenizer=_tokenizer(companions),
            conversions=[_conversion(shape, codec, source) for codec in codecs],
            default=default.name,
            says_rope_order=source.says_rope_order,
            group_size=source.block,
        )


def _format(d: ModelDesc) -> str:
    return "ncnn " + _weights(d.weights, d.block)


def _tokenizer(companions: Companions) -> str | None:
    if companions.tokenizer:
        return str(companions.tokenizer)
    return "in the file itself" if companions.has_tokenizer else None


def _of_model(stem: Path, d: ModelDesc, verified: bool) -> Report:
    tokenizer, codec = file_of(stem, TOKENIZER_SUFFIX), codec_of_model(d)
    return Report(
        kind="model",
        path=str(stem),
        format=_format(d),
        size=d.param_size + d.bin_size,
        shape=d.shape,
        parameters=d.shape.n_parameters,
        kv_cache=cache_bytes(d.shape, codec, d.shape.context_length),
        tokenizer=str(tokenizer) if is_file(tokenizer) else None,
        conversions=[_conversion(d.shape, codec)],
        source=d.source,
        converter=d.converter,
        verified=verified,
    )


def _conversion(shape: ModelShape, codec: Codec, source: TensorSource | None = None) -> Conversion:
    disk, memory = bin_bytes(shape, codec), memory_bytes(shape, codec)
    total = memory + cache_bytes(shape, codec, shape.context_length)
    rows = [
        SourceRows(source, name, layer, 0, 1)
        for name, tensor in shape.tensors.items()
        if source and tensor.rows > 1 and (shape.tied or name != "embedding")
        for layer in range(tensor.layers)
    ]
    types: dict[str, tuple[int, int]] = {}
    for row in rows:
        kind = row.source.type_of(row.tensor, row.layer)
        kept, n = types.get(kind, (0, 0))
        types[kind] = kept + _moves(row, codec.of(row.tensor, row.layer)), n + 1
    unchanged = sum(kept for kept, _ in types.values())
    return Conversion(
        *(codec.name, codec.block, disk, memory, total, len(rows), unchanged, types),
        eight_bits=format_matrices(codec.eight_bits),
    )


@dataclass
class _Probe:
    """A row that notes whether a codec wants it as floats. Implements ``RowSlice``."""

    row: SourceRows
    moves: bool = True
    importance: Float32 | None = None

    def floats(self) -> Float32:
        self.moves = False
        return self.row.floats()

    def quantised(self, bits: int, block: int, *, offsets: bool = False) -> QuantisedRows | None:
        return self.row.quantised(bits, block, offsets=offsets)


def _moves(row: SourceRows, codec: Codec) -> bool:
    """Whether a row goes into the blocks of the format as it stands."""
    probe = _Probe(row)
    try:
        codec.encode([probe], id)
    except NonFiniteError:  # a conversion says where
        return False
    return probe.moves


def format_report(r: Report) -> str:
    """Write the report as lines for a person."""
    c = r.shape
    facts = [
        ("parameters", f"{r.parameters:,}"),
        ("layers", f"{c.n_layers}"),
        ("dim", f"{c.dim} ({c.n_heads} heads of {c.head_dim}, {c.n_kv_heads} for keys and values)"),
        ("hidden dim", f"{c.hidden_dim}"),
        ("vocabulary", f"{c.vocab_size}, classifier {'shared' if c.tied else 'separate'}"),
        ("context", f"{c.context_length:,} tokens"),
        ("norm eps", f"{c.norm_eps:g}"),
        ("RoPE theta", f"{c.rope.theta:g}"),
        ("RoPE order", c.rope.order + ("" if r.says_rope_order else UNLESS)),
        *_more_facts(c),
    ]
    if r.group_size:
        facts.append(("group size", f"{r.group_size}"))
    if r.source:
        facts.append(("made from", r.source))
        facts.append(("made by", r.converter))
    if r.kind == "model" and r.conversions[0].eight_bits:
        facts.append(("in 8 bits", r.conversions[0].eight_bits))
    facts.append(("tokenizer", r.tokenizer or "none beside it"))
    if r.verified:
        facts.append(("checksums", "match"))
    lines = [f"{r.path}: {r.format}, {human_bytes(r.size)}"]
    lines += [f"  {name:<12}{value}" for name, value in facts]
    return "\n".join([*lines, "", *_table(r)]) + "\n"


def _more_facts(c: ModelShape) -> list[tuple[str, str]]:
    """What isn't so in every model, where it is so in this one."""
    rope, facts = c.rope, []
    if rope.rule != "default":
        stretched = f" by {rope.factor:g}" if rope.rule != "divisors" else ""
        settled = ", fixed at the length of the context" if rope.goes_by_context else ""
        facts.append(("RoPE rule", f"{rope.rule}{stretched}{settled}"))
    if c.no_rope_interval:
        facts.append(("no RoPE", f"in layer {c.no_rope_interval} and its multiples"))
    if c.window:
        facts.append(("window", f"{c.window:,} tokens"))
    names = {"qkv_bias": "q, k, v", "o_bias": "attention output", "mlp_bias": "feed-forward"}
    biases = [name for field, name in names.items() if getattr(c, field)]
    if biases:
        facts.append(("biases", "; ".join(biases)))
    if c.qk_norm:
        facts.append(("head norms", "q, k"))
    return facts


def _table(r: Report) -> list[str]:
    tokens = f"{r.shape.context_length:,} tokens"
    first = "as" if r.kind == "model" else "converted to"
    rows = [[first, "on disk", "in memory", f"with a KV cache of {tokens}"]]
    for x in r.conversions:
        sizes = [human_bytes(n) for n in (x.disk, x.memory, x.total)]
        mark = ", the default" if x.weights == r.default else ""
        rows.append([_weights(x.weights, x.block) + mark, *sizes])
    if r.group_size or any(x.unchanged for x in r.conversions):
        rows[0].append("matrices that keep their blocks, without loss")
        for row, x in zip(rows[1:], r.conversions, strict=True):
            kinds = [f"{kept} of {n} {kind}" for kind, (kept, n) in x.types.items()]
            row.append(", ".join(kinds))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  " + "  ".join(t.rjust(w) if i else t.ljust(w) for i, (t, w) in enumerate(cells)).rstrip()
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    ]


def _weights(name: str, block: int) -> str:
    return f"{name} in blocks of {block}" if block else name


def human_bytes(n: float) -> str:
    """Write a count of bytes in decimal units and three digits, as ``6.74 GB``."""
    if n < 1000:
        return f"{n:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        n /= 1000
        if n < 999.5:
            return f"{n:.{max(0, 3 - len(str(int(n))))}f} {unit}"
    return f"{n / 1000:.2f} TB"
