"""A GGUF model as named tensors, dequantised in slices of rows, and as the values beside them.

Where blocks of 32 weights have a step, they are handed on as they stand. Knows nothing of
ncnn, nor of what tokenizers and templates make of the values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ConvertError
from ...formats.codec import Float32, QuantisedRows
from ..source import FLOAT_BITS, sampled_sha256
from .blocks import SUB_BLOCK
from .file import StoredTensor
from .parts import Gguf
from .shape import NAMES, ROPE_FREQS, architecture_of, shape_of

TEMPLATE = "tokenizer.chat_template"


class GgufCheckpoint:
    """An open model whose every tensor is there, of the right shape. Implements ``TensorSource``.

    ``metadata`` has the key-values of the file: ``tokenizer.ggml.*``, ``general.name``,
    ``general.sampling.*`` and all others, each read when it is asked for.
    """

    def __init__(self, path: Path) -> None:
        """Open it by its file or any of its parts. Raises ``ConvertError``."""
        self.path = path
        self._gguf = Gguf(path)
        try:
            self.shape = shape_of(self._gguf)
            self._table = self._lay_out()
        except BaseException:
            self._gguf.close()
            raise
        self.metadata: Mapping[str, Any] = self._gguf.metadata
        self.files = tuple(file.path for file in self._gguf.inputs)
        self.size = sum(file.size for file in self._gguf.inputs)
        architecture = architecture_of(self._gguf)
        self.format = f"GGUF v{self._gguf.version} {architecture} ({self._contents()})"
        quantised = any(tensor.type.bits < FLOAT_BITS for tensor in self._table.values())
        self.block = SUB_BLOCK if quantised else 0
        self.says_rope_order = True
        self.template = "own" if TEMPLATE in self.metadata else "plain"

    def __enter__(self) -> GgufCheckpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self._gguf.close()

    def fingerprint(self) -> str:
        """Name the version, the size and a hash of samples all over the files."""
        sampled = sampled_sha256(self._gguf.inputs)
        return f"GGUF v{self._gguf.version}, {self.size} bytes, sampled SHA-256 {sampled}"

    def type_of(self, name: str, layer: int) -> str:
        """Name the type of one layer of a tensor."""
        return self._table[name, layer].type.name

    def bits_of(self, name: str, layer: int) -> int:
        """Tell how many bits the values of one layer of a tensor have."""
        return self._table[name, layer].type.bits

    def tensor_bytes(self, name: str) -> int:
        """Count the bytes of one layer of a tensor: of the mean one, where the types differ."""
        layers = self.shape.tensors[name].layers
        return sum(self._table[name, i].n_bytes for i in range(layers)) // layers

    def rows(self, name: str, layer: int, start: int, stop: int) -> Float32:
        """Read rows of one layer of a tensor, float32 ``(stop - start, cols)``."""
        return self._table[name, layer].floats(start, stop)

    def quantised_rows(
        self,
        name: str,
        layer: int,
        start: int,
        stop: int,
        bits: int,
        block: int,
        *,
        offsets: bool = False,
    ) -> QuantisedRows | None:
        """Read rows as they stand, if their blocks of 32 fit into so many bits.

        Where they have offsets, values start at 0 and have the bits that the type says.
        """
        tensor, n = self._table[name, layer], stop - start
        kind = tensor.type
        if bits < kind.bits_of_steps or block != SUB_BLOCK:
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            if kind.steps:
                q, step = kind.steps(tensor.blocks(start, stop))
                return QuantisedRows(q.reshape(n, -1), step.reshape(n, -1))
            if kind.offsets and offsets:
                q, step, offset = kind.offsets(tensor.blocks(start, stop))
                return QuantisedRows(q.reshape(n, -1), step.reshape(n, -1), offset.reshape(n, -1))
        return None

    def _lay_out(self) -> dict[tuple[str, int], StoredTensor]:
        """Every tensor of the shape by name and layer; each must be there, and nothing else."""
        table, rest = {}, dict(self._gguf.tensors)
        rest.pop(ROPE_FREQS, None)
        for name, want in self.shape.tensors.items():
            for layer in range(want.layers):
                called = NAMES[name].format(layer)
                tensor = rest.pop(called, None)
                if tensor is None:
                    raise ConvertError(f"{self.path}: {called} is missing", "download it again")
                shape = (want.cols,) if want.rows == 1 else (want.rows, want.cols)
                if tensor.shape != shape:
                    what = f"{called} has the shape {tensor.shape} and should have {shape}"
                    raise ConvertError(f"{self.path}: {what}", "is the file damaged?")
                table[name, layer] = tensor
        if rest:
            what = f"{min(rest)} has no place in a model of architecture"
            raise ConvertError(f"{self.path}: {what} {architecture_of(self._gguf)!r}")
        return table

    def _contents(self) -> str:
        """How many tensors there are of each type, the most weights first."""
        count: Counter[str] = Counter()
        weights: Counter[str] = Counter()
        for tensor in self._table.values():
            count[tensor.type.name] += 1
            weights[tensor.type.name] += tensor.n_values
        return ", ".join(f"{count[name]} {name}" for name, _ in weights.most_common())
