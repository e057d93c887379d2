"""Copies of a GGUF model with its matrices in another of ggml's types, by the package gguf.

That package is the oracle of the types: nothing of ours computes here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, quants

WRITTEN = ("F32", "F16", "Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0")
"""The types that the package writes."""


def copy_gguf(source: Path, target: Path, kind: str, *, classifier: str | None = None) -> Path:
    """Write the model at ``source`` with its matrices in ``kind``; returns ``target``.

    ``classifier`` is the type of the matrix that makes the logits, where it is to be another; it
    may be the embedding as well.
    """
    reader = GGUFReader(source)
    writer = GGUFWriter(target, _architecture(reader))
    for name, field in reader.fields.items():
        if not name.startswith("GGUF.") and name != "general.architecture":
            is_array = field.types[0] == GGUFValueType.ARRAY
            sub_type = field.types[-1] if is_array else None
            writer.add_key_value(name, field.contents(), field.types[0], sub_type)
    last = "output.weight" if any(t.name == "output.weight" for t in reader.tensors) else None
    for tensor in reader.tensors:
        own = classifier if tensor.name == (last or "token_embd.weight") else None
        own = "F32" if len(tensor.shape) == 1 else own or kind
        _add(writer, tensor, GGMLQuantizationType[own])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def _architecture(reader: GGUFReader) -> str:
    return str(reader.fields["general.architecture"].contents())


def _add(writer: GGUFWriter, tensor: Any, kind: GGMLQuantizationType) -> None:
    if tensor.tensor_type == kind:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=kind)
        return
    values = quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False)
    writer.add_tensor(tensor.name, quants.quantize(values, kind), raw_dtype=kind)
