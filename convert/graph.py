"""An ncnn graph as data, and its ``.param`` text.

A graph is a list of layers that name their blobs and the weights they want; it holds no numbers
of a model. Blobs with several readers get their ``Split`` here, which ncnn itself never adds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

PARAM_MAGIC = 7767517
Params = dict[int, int | float | tuple[int, ...]]


@dataclass(frozen=True)
class Matrix:
    """A Gemm's weights ``(rows, cols)``: one layer of the named tensors, stacked by rows."""

    tensors: tuple[str, ...]
    layer: int
    rows: int
    cols: int


@dataclass(frozen=True)
class RowScales:
    """The float32 step of every row of an int8 ``Matrix``, as a layer of its own."""

    of: Matrix


@dataclass(frozen=True)
class Vector:
    """A float32 vector of ``size`` numbers, one layer of the named tensors: a gain or a bias."""

    tensors: tuple[str, ...]
    layer: int
    size: int


Weights = Matrix | RowScales | Vector


@dataclass(frozen=True)
class Panels:
    """The weights ``(rows, cols)`` of one layer of one tensor, in panels of so many bits."""

    tensor: str
    layer: int
    rows: int
    cols: int
    bits: int


Mapped = Panels | Vector
"""What a layer of our own reads from the mapped file: of one tensor each."""


@dataclass(frozen=True)
class Layer:
    """One ncnn layer: ``inputs`` and ``outputs`` name blobs, ``params`` are those of ncnn.

    ``weights`` are what ncnn loads for it, ``mapped`` what a layer of our own reads in their place.
    """

    type: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: Params
    weights: Weights | None = None
    mapped: tuple[Mapped, ...] = ()


@dataclass
class Graph:
    """Layers in the order they run in, which is the order of their weights in ``.bin``."""

    layers: list[Layer] = field(default_factory=list)

    def add(
        self,
        type: str,
        name: str,
        inputs: tuple[str, ...],
        params: Params | None = None,
        *,
        outputs: tuple[str, ...] = (),
        weights: Weights | None = None,
        mapped: tuple[Mapped, ...] = (),
    ) -> str:
        """Append a layer and return its first output, which is ``name`` unless ``outputs`` says."""
        outputs = outputs or (name,)
        self.layers.append(Layer(type, name, inputs, outputs, params or {}, weights, mapped))
        return outputs[0]

    def to_param(self) -> str:
        """Write the text that ``Net.load_param`` reads."""
        layers = _with_splits(self.layers)
        n_blobs = sum(len(layer.outputs) for layer in layers)
        lines = [str(PARAM_MAGIC), f"{len(layers)} {n_blobs}", *map(_line, layers)]
        return "\n".join(lines) + "\n"


def _with_splits(layers: list[Layer]) -> list[Layer]:
    readers = Counter(blob for layer in layers for blob in layer.inputs)
    copies = {b: [f"{b}.{i}" for i in range(n)] for b, n in readers.items() if n > 1}
    split = []
    for layer in layers:
        inputs = tuple(copies[b].pop(0) if b in copies else b for b in layer.inputs)
        split.append(Layer(layer.type, layer.name, inputs, layer.outputs, layer.params))
        split += [
            Layer("Split", f"split.{blob}", (blob,), tuple(copies[blob]), {})
            for blob in layer.outputs
            if blob in copies
        ]
    return split


def _line(layer: Layer) -> str:
    params = " ".join(_param(key, value) for key, value in sorted(layer.params.items()))
    blobs = " ".join((*layer.inputs, *layer.outputs))
    head = f"{layer.type} {layer.name} {len(layer.inputs)} {len(layer.outputs)} {blobs}"
    return f"{head} {params}".rstrip()


def _param(key: int, value: int | float | tuple[int, ...]) -> str:
    if isinstance(value, tuple):  # an array: ncnn writes its key as -23300 - key, then the length
        return f"{-23300 - key}={len(value)},{','.join(map(str, value))}"
    if isinstance(value, float):
        # ncnn tells a float from an int by its '.' or 'e'.
        return f"{key}={value:.9e}"
    return f"{key}={value}"
