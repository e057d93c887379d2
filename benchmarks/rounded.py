"""A source of tensors whose matrices have been through one of ggml's types, and back to float32.

The package gguf does the rounding, as llama.cpp's quantiser does it without an importance matrix.
"""

from __future__ import annotations

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants

from convert.formats.codec import Float32
from convert.sources.source import TensorSource

FINE = "Q8_0"
"""The classifier's type, whatever the others are: llama.cpp takes Q6_K, which gguf can't write."""


class Rounded:
    """Another source, but for its weights. Implements ``TensorSource``."""

    def __init__(self, source: TensorSource, kind: str) -> None:
        """Wrap an open source; ``kind`` is a type that the package gguf writes."""
        self._source, self._kind = source, kind
        self.path, self.files, self.size = source.path, source.files, source.size
        self.format, self.shape = f"{source.format}, in {kind}", source.shape
        self.block = 0
        self.template, self.metadata = source.template, source.metadata
        self.says_rope_order = source.says_rope_order

    def __enter__(self) -> Rounded:
        return self

    def __exit__(self, *_: object) -> None:
        """The source is closed by whoever opened it."""

    def fingerprint(self) -> str:
        """Name the source and the type."""
        return f"{self._source.fingerprint()}, in {self._kind}"

    def tensor_bytes(self, name: str) -> int:
        """Count the bytes of one layer of the tensor in its type."""
        tensor = self.shape.tensors[name]
        values, size = GGML_QUANT_SIZES[self._kind_of(name)]
        return tensor.rows * tensor.cols // values * size

    @property
    def n_bytes(self) -> int:
        """Count the bytes of all tensors."""
        tensors = self.shape.tensors
        return sum(self.tensor_bytes(name) * tensor.layers for name, tensor in tensors.items())

    def type_of(self, name: str, layer: int) -> str:  # noqa: ARG002
        """Name the type of a tensor."""
        return self._kind_of(name).name

    def bits_of(self, *_: object) -> int:
        """Say that all are floats."""
        return 32

    def _kind_of(self, name: str) -> GGMLQuantizationType:
        # Vectors stay what they are, and rows that don't end with a block are F16.
        kind = GGMLQuantizationType[FINE if name == self.shape.classifier else self._kind]
        tensor = self.shape.tensors[name]
        if tensor.rows == 1:
            return GGMLQuantizationType.F32
        return GGMLQuantizationType.F16 if tensor.cols % GGML_QUANT_SIZES[kind][0] else kind

    def rows(self, name: str, layer: int, start: int, stop: int) -> Float32:
        """Read rows of one layer of a tensor, and round them."""
        values, kind = self._source.rows(name, layer, start, stop), self._kind_of(name)
        rounded = quants.dequantize(quants.quantize(values, kind), kind)
        return rounded.astype(np.float32, copy=False).reshape(values.shape)

    def quantised_rows(self, *_: object, **__: object) -> None:
        """Say that nothing is kept in blocks."""
