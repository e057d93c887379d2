"""llama2.c checkpoints (v0, v1 and the quantised v2) as named tensors, read in slices of rows.

A file is believed only after its exact length has been held against its header. Nothing here
knows of ncnn; nothing is read, mapped or allocated beyond the slice that is asked for.

Sources: llama2.c's ``export.py`` (``legacy_export``, ``version1_export``, ``version2_export``)
and ``run.c`` / ``runq.c``.
"""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .errors import ConvertError
from .files import open_regular
from .layout import Entry, ModelConfig, entry_bytes, layout_v0, layout_v1
from .rope import theta_of_tables

Float32 = npt.NDArray[np.float32]
Int8 = npt.NDArray[np.int8]

MAGIC = 0x616B3432  # "ak42"
HEADER_V0 = struct.Struct("<7i")
HEADER_V1 = struct.Struct("<Ii7iB")
HEADER_V2 = struct.Struct("<Ii7iBi")
SAMPLE_BYTES, N_SAMPLES = 4096, 64
HEADER_SIZE = 256  # of v1 and v2; v0 has its 28 bytes alone

# Far above any Llama, and low enough that a hostile header can't make us plan for years.
LIMITS = {
    "dim": 1 << 17,
    "hidden_dim": 1 << 20,
    "n_layers": 1 << 12,
    "n_heads": 1 << 12,
    "n_kv_heads": 1 << 12,
    "vocab_size": 1 << 24,
    "context_length": 1 << 24,
}


class TensorSource(Protocol):
    """What the converter reads: a checkpoint on disk, or a made-up one.

    ``version`` is 0, 1 or 2; ``group_size`` is v2's, and 0 elsewhere; ``size`` is in bytes.
    """

    path: Path
    version: int
    config: ModelConfig
    group_size: int
    size: int

    def shape(self, name: str) -> tuple[int, int]:
        """``(rows, cols)`` of one layer of the tensor; a vector has one row."""

    def tensor_bytes(self, name: str) -> int:
        """Bytes that one layer of the tensor takes in the source."""

    def rows(self, name: str, layer: int, start: int, stop: int) -> Float32:
        """Rows ``start`` to ``stop`` of one layer of a tensor, float32 ``(stop - start, cols)``."""

    def fingerprint(self) -> str:
        """A short text that tells this source from others, without reading all of it."""

    def quantised_rows(self, name: str, layer: int, start: int, stop: int) -> tuple[Int8, Float32]:
        """The same rows of a v2 tensor as they are stored.

        Returns int8 values ``(n, cols)`` and float32 steps ``(n, cols / group_size)``.
        """


class Checkpoint:
    """An open checkpoint whose length agrees with its header. Close it, or use it in ``with``."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file = open_regular(self.path)
        try:
            self.size = os.fstat(self._file.fileno()).st_size
            self.version, self.config, self.group_size = _read_header(self)
            self._table = self._lay_out()
            if self.version == 0:
                self.config = self._with_theta(self.config)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def tensor_bytes(self, name: str) -> int:
        entry, _ = self._table[name]
        return entry_bytes(entry, self.group_size) // entry.layers

    def shape(self, name: str) -> tuple[int, int]:
        entry, _ = self._table[name]
        return entry.rows, entry.cols

    def rows(self, name: str, layer: int, start: int, stop: int) -> Float32:
        entry, offset = self._table[name]
        if not entry.quantised:
            at = offset + 4 * entry.cols * (layer * entry.rows + start)
            values = self._read(at, 4 * entry.cols * (stop - start), name)
            return values.view("<f4").astype(np.float32, copy=False).reshape(-1, entry.cols)
        q, scales = self.quantised_rows(name, layer, start, stop)
        # A damaged scale shows up as a NaN or an infinity, which the formats refuse by name.
        with np.errstate(over="ignore", invalid="ignore"):
            grouped = q.reshape(*scales.shape, self.group_size) * scales[:, :, None]
        return grouped.reshape(-1, entry.cols)

    def fingerprint(self) -> str:
        """Version, size and a SHA-256 of samples all over it: 27 GB are not read for a label."""
        digest = hashlib.sha256()
        last = max(0, self.size - SAMPLE_BYTES)
        for i in range(N_SAMPLES):
            at = last * i // (N_SAMPLES - 1)
            digest.update(self._read(at, min(SAMPLE_BYTES, self.size), "a sample").tobytes())
        sampled = digest.hexdigest()
        return f"llama2.c v{self.version}, {self.size} bytes, sampled SHA-256 {sampled}"

    def quantised_rows(self, name: str, layer: int, start: int, stop: int) -> tuple[Int8, Float32]:
        entry, offset = self._table[name]
        groups = entry.cols // self.group_size
        at = offset + layer * self.tensor_bytes(name)
        scales_at = at + entry.rows * entry.cols + 4 * groups * start
        q = self._read(at + entry.cols * start, entry.cols * (stop - start), name)
        scales = self._read(scales_at, 4 * groups * (stop - start), name)
        return (
            q.view(np.int8).reshape(-1, entry.cols),
            scales.view("<f4").astype(np.float32, copy=False).reshape(-1, groups),
        )

    def _read(self, at: int, n: int, name: str) -> npt.NDArray[np.uint8]:
        # Plain reads, not a memory map: a file that shrinks under us is then a short read with a
        # clear error instead of SIGBUS, and a 27 GB checkpoint doesn't show up as resident memory.
        buffer, got = np.empty(n, np.uint8), 0
        try:
            self._file.seek(at)
            # A network's file system may give less at once than there is.
            while k := self._file.readinto(buffer.data[got:]):  # type: ignore[attr-defined]
                got += k
        except OSError as e:
            raise ConvertError(f"{self.path}: can't read {name}: {e.strerror}") from e
        if got != n:
            raise ConvertError(
                f"{self.path}: {name} wants {n:,} bytes at {at:,} and the file has {got:,}",
                "it changed while it was read",
            )
        return buffer

    def _lay_out(self) -> dict[str, tuple[Entry, int]]:
        if self.version == 0:
            entries, offset = layout_v0(self.config), HEADER_V0.size
        else:
            entries = layout_v1(self.config, quantised=self.version == 2)
            offset = HEADER_SIZE
        table = {}
        for entry in entries:
            if entry.quantised and entry.cols % self.group_size:
                raise ConvertError(
                    f"{self.path}: rows of {entry.name} have {entry.cols} values, "
                    f"not a multiple of the group size {self.group_size}"
                )
            table[entry.name] = (entry, offset)
            offset += entry_bytes(entry, self.group_size)
        if offset != self.size:
            kind = "truncated" if self.size < offset else "too long"
            raise ConvertError(
                f"{self.path}: {kind}: a v{self.version} header of {_shape(self.config)} wants "
                f"{offset:,} bytes, the file has {self.size:,}",
                "copy it again, or check that it is a llama2.c checkpoint",
            )
        return table

    def _with_theta(self, c: ModelConfig) -> ModelConfig:
        n = min(c.context_length, 16)
        cos, sin = (self.rows(name, 0, 0, n) for name in ("rope_cos", "rope_sin"))
        try:
            theta = theta_of_tables(cos, sin)
        except ValueError as e:
            raise ConvertError(f"{self.path}: {e}") from None
        return ModelConfig(**{**c.__dict__, "rope_theta": theta})


def _read_header(self: Checkpoint) -> tuple[int, ModelConfig, int]:
    head = self._read(0, min(HEADER_SIZE, self.size), "the header").tobytes()
    if len(head) < HEADER_V0.size:
        raise ConvertError(
            f"{self.path}: {len(head)} bytes, shorter than any header ({HEADER_V0.size})"
        )
    if struct.unpack_from("<I", head)[0] != MAGIC:
        fields = HEADER_V0.unpack_from(head)
        vocab = fields[5]  # negative: a separate classifier follows
        config = _checked(self.path, (*fields[:5], abs(vocab), fields[6]), tied=vocab > 0)
        return 0, config, 0
    if len(head) < HEADER_SIZE:
        raise ConvertError(f"{self.path}: truncated in its {HEADER_SIZE}-byte header")
    version = struct.unpack_from("<i", head, 4)[0]
    if version not in (1, 2):
        raise ConvertError(
            f"{self.path}: llama2.c checkpoint version {version}, which isn't known",
            "versions 0, 1 and 2 are read",
        )
    header = HEADER_V1 if version == 1 else HEADER_V2
    fields = header.unpack_from(head)
    if fields[9] not in (0, 1):
        raise ConvertError(f"{self.path}: shared-classifier flag is {fields[9]}, not 0 or 1")
    config = _checked(self.path, fields[2:9], tied=fields[9] == 1)
    group_size = fields[10] if version == 2 else 0
    if version == 2 and not 0 < group_size <= LIMITS["hidden_dim"]:
        raise ConvertError(f"{self.path}: group size {group_size} is out of range")
    return version, config, group_size


def _checked(path: Path, fields: tuple[int, ...], *, tied: bool) -> ModelConfig:
    names = ("dim", "hidden_dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size")
    values = dict(zip((*names, "context_length"), fields, strict=True))
    for name, value in values.items():
        if not 0 < value <= LIMITS[name]:
            raise ConvertError(
                f"{path}: header says {name} = {value}, outside 1..{LIMITS[name]}",
                "is it a llama2.c checkpoint?",
            )
    c = ModelConfig(**values, tied=tied)
    for ok, what in (
        (c.dim % c.n_heads == 0, f"dim {c.dim} isn't a multiple of n_heads {c.n_heads}"),
        (
            c.n_heads % c.n_kv_heads == 0,
            f"n_heads {c.n_heads} isn't a multiple of n_kv_heads {c.n_kv_heads}",
        ),
        (c.dim // c.n_heads % 2 == 0, f"head_dim {c.dim / c.n_heads:g} is odd (RoPE wants pairs)"),
    ):
        if not ok:
            raise ConvertError(f"{path}: header says {what}", "is it a llama2.c checkpoint?")
    return c


def _shape(c: ModelConfig) -> str:
    return (
        f"dim {c.dim}, hidden_dim {c.hidden_dim}, {c.n_layers} layers, {c.n_heads} heads, "
        f"{c.n_kv_heads} kv heads, vocabulary {c.vocab_size}, context {c.context_length}"
    )
