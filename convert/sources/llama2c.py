"""llama2.c checkpoints (v0, v1 and the quantised v2) as named tensors, read in slices of rows.

A file is believed only after its exact length has been held against its header. Knows nothing of
ncnn. Sources: llama2.c's ``export.py``, ``run.c`` and ``runq.c``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import ConvertError
from ..formats.codec import Float32, Int8, QuantisedRows
from ..rope import DEFAULT_THETA, Rope
from ..rope_tables import tables
from ..shape import LIMITS, ModelShape
from .llama2c_layout import (
    HEADER_FIELDS,
    HEADER_SIZE,
    HEADER_V0,
    HEADER_V1,
    HEADER_V2,
    MAGIC,
    Place,
    layout,
    places,
    places_of_2023,
)
from .source import NOTHING, InputFile, sampled_sha256

FORMATS = {0: "v0 (legacy, float32)", 1: "v1 (float32)", 2: "v2 (Q8_0)"}
MAX_SCALES_SEEN = 1 << 16
WHAT_IS_IT = "is it a llama2.c checkpoint? (GGUF files and whole folders are read, too)"


@dataclass(frozen=True)
class _Header:
    version: int
    shape: ModelShape
    group_size: int = 0  # of v2; 0 in the others


class Llama2cCheckpoint:
    """An open checkpoint whose length agrees with its header. Implements ``TensorSource``."""

    def __init__(self, path: Path) -> None:
        """Open it and read its header. Raises ``ConvertError`` for what is no checkpoint."""
        self.path = path
        self.files: tuple[Path, ...] = (path,)
        self._file = InputFile(path)
        try:
            self.size = self._file.size
            header = _read_header(self._file)
            self.version, self.shape, self.block = header.version, header.shape, header.group_size
            self._table = _lay_out(self._file, header)
            if self.version == 0:
                self.shape = replace(self.shape, rope=self._rope())
        except BaseException:
            self._file.close()
            raise
        self.format = f"llama2.c {FORMATS[self.version]}"
        self.metadata = NOTHING
        self.template = "llama2"  # the file doesn't say; Llama-2 is what llama2.c is for
        self.says_rope_order = False  # some exporters left wq and wk as Hugging Face has them

    def __enter__(self) -> Llama2cCheckpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def fingerprint(self) -> str:
        """Name the version, the size and a hash of samples all over the file."""
        sampled = sampled_sha256([self._file])
        return f"llama2.c v{self.version}, {self.size} bytes, sampled SHA-256 {sampled}"

    def type_of(self, name: str, _layer: int) -> str:
        """Name the type of a tensor: Q8_0 where it has groups."""
        return "Q8_0" if self._table[name].entry.group else "F32"

    def bits_of(self, name: str, _layer: int) -> int:
        """Tell how many bits the values of a tensor have."""
        return 8 if self._table[name].entry.group else 32

    def tensor_bytes(self, name: str) -> int:
        """Count the bytes of one layer of a tensor, its scales included."""
        entry = self._table[name].entry
        return entry.n_bytes // entry.shape.layers

    def rows(self, name: str, layer: int, start: int, stop: int) -> Float32:
        """Read rows of one layer of a tensor, float32 ``(stop - start, cols)``."""
        place = self._table[name]
        cols, group = place.entry.shape.cols, place.entry.group
        if not group:
            at = place.values + layer * place.values_stride + 4 * cols * start
            values = self._file.read(at, 4 * cols * (stop - start), name)
            return values.view("<f4").astype(np.float32, copy=False).reshape(-1, cols)
        stored, steps = self._stored(name, layer, start, stop)
        within = start * cols % group  # a group may begin in the row before
        each = steps.repeat(group)[within : within + stored.size].reshape(-1, cols)
        # A damaged scale shows up as a NaN or an infinity, which the formats refuse by name.
        with np.errstate(over="ignore", invalid="ignore"):
            return stored * each

    def quantised_rows(
        self,
        name: str,
        layer: int,
        start: int,
        stop: int,
        bits: int,
        block: int,
        *,
        offsets: bool = False,  # noqa: ARG002
    ) -> QuantisedRows | None:
        """Read rows of a v2 matrix as they stand there: 8 bits, in groups of one or more blocks.

        None where its groups run across rows: no block of a row has one scale.
        """
        entry = self._table[name].entry
        if not entry.group or bits != 8 or entry.group % block or entry.shape.cols % entry.group:
            return None
        stored, steps = self._stored(name, layer, start, stop)
        by_row = steps.reshape(stop - start, -1)
        return QuantisedRows(stored, by_row.repeat(entry.group // block, axis=1))

    def _stored(self, name: str, layer: int, start: int, stop: int) -> tuple[Int8, Float32]:
        """The values of rows, ``(stop - start, cols)``, and the steps of all groups they touch."""
        place = self._table[name]
        cols, group = place.entry.shape.cols, place.entry.group
        at = place.values + layer * place.values_stride + cols * start
        q = self._file.read(at, cols * (stop - start), name)
        first, last = start * cols // group, -(-stop * cols // group)
        at = place.scales + layer * place.scales_stride + 4 * first
        steps = self._file.read(at, 4 * (last - first), name)
        return q.view(np.int8).reshape(-1, cols), steps.view("<f4").astype(np.float32, copy=False)

    def _rope(self) -> Rope:
        n = min(self.shape.context_length, 16)
        cos, sin = (self.rows(name, 0, 0, n) for name in ("rope_cos", "rope_sin"))
        try:
            return Rope(theta=theta_of_tables(cos, sin))
        except ValueError as e:
            raise ConvertError(f"{self.path}: {e}") from None


def _read_header(file: InputFile) -> _Header:
    path = file.path
    head = file.read(0, min(HEADER_SIZE, file.size), "the header").tobytes()
    if len(head) < HEADER_V0.size:
        raise ConvertError(f"{path}: {len(head)} bytes, shorter than any header ({HEADER_V0.size})")
    if struct.unpack_from("<I", head)[0] != MAGIC:
        numbers = HEADER_V0.unpack_from(head)
        vocab = numbers[5]  # negative: a separate classifier follows
        return _Header(0, _shape(path, (*numbers[:5], abs(vocab), numbers[6]), tied=vocab > 0))
    if len(head) < HEADER_SIZE:
        raise ConvertError(f"{path}: truncated in its {HEADER_SIZE}-byte header")
    version = struct.unpack_from("<i", head, 4)[0]
    if version not in (1, 2):
        raise ConvertError(
            f"{path}: llama2.c checkpoint version {version}, which isn't known",
            "versions 0, 1 and 2 are read",
        )
    fields = (HEADER_V1 if version == 1 else HEADER_V2).unpack_from(head)
    if fields[9] not in (0, 1):
        raise ConvertError(f"{path}: shared-classifier flag is {fields[9]}, not 0 or 1")
    shape = _shape(path, fields[2:9], tied=fields[9] == 1)
    group_size = fields[10] if version == 2 else 0
    if version == 2 and not 0 < group_size <= LIMITS["hidden_dim"]:
        raise ConvertError(f"{path}: group size {group_size} is out of range")
    return _Header(version, shape, group_size)


def _shape(path: Path, numbers: tuple[int, ...], *, tied: bool) -> ModelShape:
    for name, value in zip(HEADER_FIELDS, numbers, strict=True):
        if not 0 < value <= LIMITS[name]:
            what = f"header says {name} = {value}, outside 1..{LIMITS[name]}"
            raise ConvertError(f"{path}: {what}", WHAT_IS_IT)
    dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, context_length = numbers
    if dim % n_heads:  # the header knows no other head_dim
        what = f"header says dim {dim} isn't a multiple of n_heads {n_heads}"
        raise ConvertError(f"{path}: {what}", WHAT_IS_IT)
    shape = ModelShape(
        dim=dim,
        hidden_dim=hidden_dim,
        n_layers=n_layers,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        head_dim=dim // n_heads,
        vocab_size=vocab_size,
        context_length=context_length,
        tied=tied,
    )
    if problems := shape.problems():
        raise ConvertError(f"{path}: header says {problems[0]}", WHAT_IS_IT)
    return shape


def _lay_out(file: InputFile, header: _Header) -> dict[str, Place]:
    """Every tensor and its place, once the file's length has proved the header right."""
    s, group_size = header.shape, header.group_size
    begin = HEADER_SIZE if header.version else HEADER_V0.size
    entries = layout(s, header.version, group_size)
    for entry in entries:
        if entry.group and entry.layer_values % entry.group:
            raise ConvertError(
                f"{file.path}: a layer of {entry.name} has {entry.layer_values:,} values, "
                f"not a multiple of the group size {group_size}"
            )
    size = begin + sum(entry.n_bytes for entry in entries)
    if file.size != size:
        kind = "truncated" if file.size < size else "too long"
        raise ConvertError(
            f"{file.path}: {kind}: a v{header.version} header of dim {s.dim}, "
            f"hidden_dim {s.hidden_dim}, {s.n_layers} layers, {s.n_heads} heads, "
            f"{s.n_kv_heads} kv heads, vocabulary {s.vocab_size}, context {s.context_length} wants "
            f"{size:,} bytes, the file has {file.size:,}",
            "copy it again, or check that it is a llama2.c checkpoint",
        )
    table = places(entries, begin)
    if not group_size:
        return table
    old = places_of_2023(entries, begin)
    return max((table, old), key=lambda each: _plausible_scales(file, each["embedding"]))


def _plausible_scales(file: InputFile, place: Place) -> float:
    """Tell what part of the numbers where the scales of a tensor should be can be scales.

    Four int8 values read as a float are negative half of the time; a scale never is.
    """
    n = min(place.entry.layer_values // place.entry.group, MAX_SCALES_SEEN)
    scales = file.read(place.scales, 4 * n, "scales").view("<f4")
    return float(np.mean(np.isfinite(scales) & ~np.signbit(scales)))


def theta_of_tables(cos: Float32, sin: Float32) -> float:
    """Compute the theta of a v0 file's first rows of RoPE tables, ``(positions, head_dim / 2)``.

    All-zero tables (some writers fill nothing in) mean 10000. Raises ``ValueError`` for tables
    that no theta explains: scaled positions, or no tables at all.
    """
    if not cos.any() and not sin.any():
        return DEFAULT_THETA
    n, half = cos.shape
    theta = DEFAULT_THETA
    if n > 1 and half > 1:
        # The slowest pair at position 1 has the smallest angle, so the best relative precision.
        angle = float(np.arctan2(sin[1, -1], cos[1, -1]))
        if not 1e-30 < angle < 1:
            raise ValueError(f"RoPE table has an angle of {angle} at position 1: no theta fits")
        theta = min(angle ** (-half / (half - 1)), 1e12)
        if abs(theta - round(theta)) < 1e-4 * theta:
            theta = float(round(theta))
    want_cos, want_sin = tables(Rope(theta=theta), 2 * half, 0, n)
    # One reduction: a NaN gets through numpy's max, and not for certain through Python's.
    error = float(np.abs(np.stack([cos - want_cos, sin - want_sin])).max())
    if not error < 1e-2:
        raise ValueError(f"RoPE tables differ by {error:.2g} from those of theta {theta:g}")
    return theta
