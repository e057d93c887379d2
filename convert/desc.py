"""What a converted model says of itself: ``STEM.desc``, and the names of its blobs.

The converter writes it, the engine and ``--inspect`` read it. Knows the model's shape; nothing of
sources, and of the graph only its version and its blobs' names.

The text keeps the first four lines of the original C++ port (context length, layers, dim, heads)
and goes on with ``key=value`` lines. Unknown keys are kept and ignored.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

from .errors import ConvertError
from .files import read_regular, sha256_file
from .format_names import PANEL_FORMATS
from .old_desc import (
    FIRST_GRAPH,
    FIRST_NAMES,
    OLD_FORMAT,
    OLD_KEYS,
    OLD_MODELS,
    PLAIN_GRAPHS,
)
from .shape import ModelShape
from .stem import file_of

FORMAT = "3"
GRAPH_VERSION = 4
"""Of the ``.param`` that a description stands for: the engine writes it anew and compares."""

PANELS = "panels"
"""The type of an embedding that is a tied classifier's own panels."""

OWN_CHECKSUM = "desc_sha256"
AGAIN = "convert the model again"

X, COS, SIN, MASK = "x", "cos", "sin", "mask"
HIDDEN, HEAD_IN, LOGITS = "hidden", "head_in", "logits"


def cache_in(layer: int) -> tuple[str, str]:
    """Name the blobs of a layer's key and value cache as it goes in."""
    return f"l{layer}.k_in", f"l{layer}.v_in"


def cache_out(layer: int) -> tuple[str, str]:
    """Name the blobs of a layer's key and value cache as it comes out."""
    return f"l{layer}.k_out", f"l{layer}.v_out"


@dataclass(frozen=True)
class ModelDesc:
    """Shape, weights and files of a converted model; sizes in bytes.

    The token embedding is ``(vocab_size, dim)`` of ``embedding_dtype`` at ``embedding_offset`` of
    the ``.bin``: float16, float32, or the 8-bit "panels" of a tied classifier; ncnn reads the
    first ``weights_size`` bytes. ``template`` names the chat template that the model was made for.
    ``eight_bits`` names the matrices that keep 8 bits among those of 4, as ``formats.mixture``
    writes it. ``extra`` has the keys that this program doesn't know.
    """

    shape: ModelShape
    graph_version: int
    weights: str
    block: int
    eight_bits: str
    embedding_dtype: str
    embedding_offset: int
    weights_size: int
    param_size: int
    bin_size: int
    param_sha256: str
    bin_sha256: str
    source: str
    converter: str
    template: str
    extra: dict[str, str] = field(default_factory=dict)


MAX_TEXT = 1 << 16
LEAST_BITS = 4
"""As many a weight has in every format, so that no shape is planned for which there's no file."""

HEAD_LINES = ("context_length", "n_layers", "dim", "n_heads")
OWN_FIELDS = {k: v for k, v in get_type_hints(ModelDesc).items() if k not in ("shape", "extra")}


def _text(value: object) -> str:
    """A value as it stands behind its key; ``_value`` is the inverse."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(int(value) if isinstance(value, bool) else value)


def flat(thing: object, prefix: str = "") -> dict[str, Any]:
    """Spread a dataclass into values by key; the keys of one inside stand behind a dot."""
    values: dict[str, Any] = {}
    for f in fields(thing):  # type: ignore[arg-type]
        value, key = getattr(thing, f.name), prefix + f.name
        values |= flat(value, f"{key}.") if is_dataclass(value) else {key: value}
    return values


def _known(d: ModelDesc) -> dict[str, Any]:
    """All that is known of a model, by key."""
    return flat(d.shape) | {name: getattr(d, name) for name in OWN_FIELDS}


def format_desc(desc: ModelDesc) -> str:
    """Write the text of a ``.desc``: what is known, its own checksum, what isn't known."""
    lines = _known_lines(desc, FORMAT)
    lines.append(f"{OWN_CHECKSUM}={sha256(_joined(lines))}")
    lines += [f"{key}={value}" for key, value in desc.extra.items()]
    return "\n".join(lines) + "\n"


def _known_lines(desc: ModelDesc, format: str) -> list[str]:
    known = {key: _text(value) for key, value in _known(desc).items()}
    lines = [known.pop(name) for name in HEAD_LINES]
    if desc.graph_version == FIRST_GRAPH:
        del known["eight_bits"]
    keys = OLD_KEYS if format == OLD_FORMAT else dict(zip(known, known, strict=True))
    return [*lines, f"format={format}", *(f"{old}={known[key]}" for old, key in keys.items())]


def _joined(lines: list[str]) -> bytes:
    return "\n".join(lines).encode()


def parse_desc(text: str, where: str) -> ModelDesc:
    """Read the text of a ``.desc``, of this format or the one before.

    ``where`` names the file in errors (``ConvertError``).
    """
    values = _key_values(text, where)
    found = values.pop("format", "")
    if found == OLD_FORMAT:
        values = _renamed(values, where)
    elif found != FORMAT:
        raise ConvertError(f"{where}: format is {found!r}, this program reads {FORMAT!r}", AGAIN)
    elif values.get("graph_version") == str(FIRST_GRAPH):
        values["eight_bits"] = ""

    def read(key: str, kind: type) -> Any:
        return _value(key, kind, values, where)

    own = {name: read(name, kind) for name, kind in OWN_FIELDS.items()}
    d = ModelDesc(_built(ModelShape, read), **own)
    checksum = read(OWN_CHECKSUM, str)
    if problems := _problems(d):
        raise ConvertError(f"{where}: {problems[0]}", AGAIN)
    if checksum != sha256(_joined(_known_lines(d, found))):
        # A wrong number of heads, say, would have ncnn read past its memory.
        raise ConvertError(f"{where}: was changed after it was written", AGAIN)
    known = {*_known(d), OWN_CHECKSUM}
    if d.graph_version == FIRST_GRAPH:
        d = replace(d, weights=FIRST_NAMES.get(d.weights, d.weights))
    d = replace(d, graph_version=GRAPH_VERSION)  # what was let in is the same graph
    return replace(d, extra={k: v for k, v in values.items() if k not in known})


def _key_values(text: str, where: str) -> dict[str, str]:
    lines = text.splitlines()
    if len(lines) <= len(HEAD_LINES):
        if len(lines) == len(HEAD_LINES) and all(re.fullmatch(r"\s*\d+\s*", x) for x in lines):
            raise ConvertError(
                f"{where}: a model made by the original C++ llama2.c-to-ncnn, whose layers no "
                "released ncnn can load",
                "convert the checkpoint again: llama2ncnn-convert CHECKPOINT.bin STEM",
            )
        raise ConvertError(f"{where}: {len(lines)} lines, too few for a model description")
    values = dict(zip(HEAD_LINES, lines[: len(HEAD_LINES)], strict=True))
    for number, line in enumerate(lines[len(HEAD_LINES) :], len(HEAD_LINES) + 1):
        key, sep, value = line.partition("=")
        if not sep:
            raise ConvertError(f"{where}: line {number} is not key=value: {line[:60]!r}")
        values[key.strip()] = value.strip()
    return values


def _renamed(old: dict[str, str], where: str) -> dict[str, str]:
    """Values of the format before this one, by the keys of this one."""
    dim, n_heads = (_value(key, int, old, where) for key in ("dim", "n_heads"))
    if n_heads < 1 or dim % n_heads:
        raise ConvertError(f"{where}: dim {dim} isn't a multiple of n_heads {n_heads}", AGAIN)
    renamed = {OLD_KEYS.get(key, key): value for key, value in old.items()}
    return renamed | OLD_MODELS | {"head_dim": str(dim // n_heads)}


def _built(kind: type[Any], read: Callable[[str, type], Any], prefix: str = "") -> Any:
    """The inverse of ``flat``: a dataclass whose values ``read`` gives by key and type."""

    def part(name: str, hint: type[Any]) -> Any:
        key = prefix + name
        return _built(hint, read, f"{key}.") if is_dataclass(hint) else read(key, hint)

    return kind(**{name: part(name, hint) for name, hint in get_type_hints(kind).items()})


def _value(key: str, kind: type, values: dict[str, str], where: str) -> Any:
    if key not in values:
        raise ConvertError(f"{where}: {key} is missing", AGAIN)
    text = values[key]
    try:
        if kind in (str, float):
            return kind(text)
        if kind == tuple[float, ...]:
            return tuple(map(float, text.split(","))) if text else ()
        if len(text) > 20:
            raise ValueError
        number = int(text)
        return bool((0, 1).index(number)) if kind is bool else number
    except ValueError:
        raise ConvertError(f"{where}: {key} is {text[:60]!r}, not a {kind.__name__}") from None


def _problems(d: ModelDesc) -> list[str]:
    itemsize = {PANELS: 1, "float16": 2, "float32": 4}.get(d.embedding_dtype, 0)
    embedding = itemsize * d.shape.vocab_size * d.shape.dim
    sizes = ("param_size", "bin_size")
    when = "an earlier" if d.graph_version < GRAPH_VERSION else "a later"
    rules = (
        (0 <= d.weights_size < 1 << 62, f"weights_size is {d.weights_size}"),
        *((0 < getattr(d, name) < 1 << 62, f"{name} is {getattr(d, name)}") for name in sizes),
        (itemsize > 0, f"embedding_dtype is {d.embedding_dtype!r}"),
        (
            0 <= d.embedding_offset <= d.bin_size - embedding,
            f"the embedding at {d.embedding_offset:,} ends beyond the file's {d.bin_size:,} bytes",
        ),
        (d.embedding_offset % 4 == 0, f"embedding_offset {d.embedding_offset} is unaligned"),
        (d.weights_size <= d.bin_size, "weights_size is larger than bin_size"),
        (
            d.graph_version in (FIRST_GRAPH, GRAPH_VERSION)
            or (d.graph_version in PLAIN_GRAPHS and d.weights not in PANEL_FORMATS),
            f"made by {when} version of this program"
            f" (graph version {d.graph_version}, now it is {GRAPH_VERSION})",
        ),
    )
    return d.shape.problems() + [what for ok, what in rules if not ok]


def read_desc(stem: Path) -> ModelDesc:
    """Read the description of the model at ``stem`` and hold it against the sizes of its files.

    Raises ``ConvertError``.
    """
    path = file_of(stem, ".desc")
    raw = read_regular(path, MAX_TEXT, "a model's description")
    d = parse_desc(raw.decode("utf-8", "replace"), str(path))
    if LEAST_BITS * d.shape.n_parameters > 8 * d.bin_size:
        raise ConvertError(
            f"{path}: a shape of {d.shape.n_parameters:,} weights, which {d.bin_size:,} bytes "
            "can't hold",
            AGAIN,
        )
    for suffix, want in ((".param", d.param_size), (".bin", d.bin_size)):
        other = file_of(stem, suffix)
        try:
            got = os.stat(other).st_size
        except OSError as e:
            raise ConvertError(f"{other}: {e.strerror}", AGAIN) from e
        if got != want:
            raise ConvertError(
                f"{other}: {got:,} bytes, but {path.name} says {want:,}: they don't belong "
                "together",
                AGAIN,
            )
    return d


def sha256(data: bytes) -> str:
    """Compute the SHA-256 of bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def verify(stem: Path, d: ModelDesc, progress: Callable[[int], None] | None = None) -> None:
    """Hold both files against their checksums. Raises ``ConvertError`` for one that differs."""
    for suffix, want in ((".param", d.param_sha256), (".bin", d.bin_sha256)):
        path = file_of(stem, suffix)
        got = sha256_file(path, progress)
        if got != want:
            raise ConvertError(
                f"{path}: SHA-256 is {got[:16]}..., the .desc says {want[:16]}...: it is damaged",
                AGAIN,
            )
