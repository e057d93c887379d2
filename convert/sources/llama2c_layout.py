"""llama2.c's checkpoints as tables: their headers, and the order of their tensors.

One table drives the reader, the check of a file's length and the writer. Reads and writes nothing.

Source: ``legacy_export``, ``version1_export`` and ``version2_export`` of llama2.c's ``export.py``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from ..shape import ModelShape, TensorShape

MAGIC = 0x616B3432  # "ak42"
HEADER_V0 = struct.Struct("<7i")
HEADER_V1 = struct.Struct("<Ii7iB")
HEADER_V2 = struct.Struct("<Ii7iBi")
HEADER_SIZE = 256  # of v1 and v2; v0 has its 28 bytes alone

HEADER_FIELDS = (
    *("dim", "hidden_dim", "n_layers", "n_heads"),
    *("n_kv_heads", "vocab_size", "context_length"),
)
"""The seven numbers, in every version's order."""

ORDER_V0 = (
    *("embedding", "rms_att", "wq", "wk", "wv", "wo", "rms_ffn", "w1", "w2", "w3", "rms_final"),
    *("rope_cos", "rope_sin", "classifier"),
)
"""A classifier stands there only if it isn't the embedding; so in the others."""

ORDER_V1 = (
    *("rms_att", "rms_ffn", "rms_final", "embedding", "wq", "wk", "wv", "wo", "w1", "w2", "w3"),
    "classifier",
)
"""Norms first, no RoPE tables; v2's too."""


@dataclass(frozen=True)
class Entry:
    """One tensor of a file, all its layers in a row; a ``group`` of values shares a scale."""

    name: str
    shape: TensorShape
    group: int = 0

    @property
    def layer_values(self) -> int:
        """How many values a layer has."""
        return self.shape.rows * self.shape.cols

    @property
    def n_bytes(self) -> int:
        """Bytes in the file: float32, or int8 and a float32 scale per group."""
        n = self.shape.n_values
        return n + 4 * (n // self.group) if self.group else 4 * n


@dataclass(frozen=True)
class Place:
    """Where a tensor lies in a file: ``values`` of its first layer, and ``scales`` of their groups.

    From a layer to the next are so many bytes of each as their ``stride`` says.
    """

    entry: Entry
    values: int
    values_stride: int
    scales: int
    scales_stride: int


def places(entries: Iterable[Entry], at: int) -> dict[str, Place]:
    """Lay tensors out one after the other from ``at`` on, a layer's scales behind its values."""
    table = {}
    for entry in entries:
        stride = entry.n_bytes // entry.shape.layers
        scales = at + entry.layer_values  # no meaning without groups
        table[entry.name] = Place(entry, at, stride, scales, stride)
        at += entry.n_bytes
    return table


def places_of_2023(entries: Iterable[Entry], at: int) -> dict[str, Place]:
    """Lay out a v2 file as ``version2_export`` did until October 2023: all scales at the end."""
    entries = list(entries)
    scales = at + sum(e.shape.n_values if e.group else e.n_bytes for e in entries)
    table = {}
    for entry in entries:
        stride = entry.layer_values if entry.group else entry.n_bytes // entry.shape.layers
        scales_stride = 4 * entry.layer_values // entry.group if entry.group else 0
        table[entry.name] = Place(entry, at, stride, scales, scales_stride)
        at += stride * entry.shape.layers
        scales += scales_stride * entry.shape.layers
    return table


def layout(shape: ModelShape, version: int, group_size: int = 0) -> list[Entry]:
    """List the tensors of a checkpoint in the order of the file; ``group_size`` is v2's."""
    table = TensorShape(shape.context_length, shape.head_dim // 2)
    tensors = {**shape.tensors, "rope_cos": table, "rope_sin": table}
    order = ORDER_V1 if version else ORDER_V0
    return [
        Entry(name, tensors[name], 0 if name.startswith("rms_") else group_size)
        for name in order
        if name in tensors
    ]
