"""Where everything stands in a ``.bin``: what ncnn loads, what is mapped, the embedding.

The one plan of the file, which the writer follows and the engine reads by. Knows no source and
touches no file.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from . import decoder
from .desc import AGAIN, PANELS, ModelDesc
from .errors import ConvertError
from .formats.codec import Codec
from .formats.panels import matrix_bytes
from .graph import Graph, Mapped, Matrix, Panels, RowScales, Vector, Weights
from .shape import ModelShape

ALIGNMENT = 64
"""Of all that is mapped, so that it starts on a cache line."""


@dataclass(frozen=True)
class Place:
    """Where ``weights`` begin in the file, and how many bytes they take."""

    offset: int
    size: int
    weights: Mapped


@dataclass(frozen=True)
class Places:
    """The plan of a file, offsets and sizes in bytes.

    ``of`` has every vector and every panel matrix by tensor and layer; of a plain model, those
    vectors that ncnn loads alone. A tied classifier in panels goes by the name "embedding"; the
    table that tokens are looked up in stands at ``embedding``: an array of ``embedding_dtype``, or
    those panels. ``loaded`` bytes are ncnn's.
    """

    of: dict[tuple[str, int], Place] = field(repr=False)
    loaded: int
    embedding: int
    embedding_dtype: str
    size: int

    @property
    def shares_embedding(self) -> bool:
        """Tell whether the classifier is the table as well."""
        return self.embedding < self.loaded or self.embedding_dtype == PANELS


def places(shape: ModelShape, codec: Codec, graph: Graph | None = None) -> Places:
    """Plan the file of a model of this shape in this format; ``graph`` is its graph, if at hand."""
    layers = (graph or decoder.build(shape, codec)).layers
    of: dict[tuple[str, int], Place] = {}
    at, embedding, dtype = 0, -1, codec.embedding_dtype.name
    for weights in (layer.weights for layer in layers if layer.weights):
        size = _loaded_bytes(weights, codec)
        if isinstance(weights, Vector) and len(weights.tensors) == 1:
            of[weights.tensors[0], weights.layer] = Place(at, size, weights)
        if isinstance(weights, Matrix) and "embedding" in weights.tensors:
            embedding = -1 if codec.embedding_at is None else at + codec.embedding_at
        at += size
    loaded = at
    for mapped in (weights for layer in layers for weights in layer.mapped):
        place = Place(_aligned(at), mapped_bytes(mapped), mapped)
        of[key_of(mapped)] = place
        at = place.offset + place.size
    tied, tied_at = of.get(("embedding", 0)), codec.of("embedding", 0).embedding_at
    if tied and tied_at is not None:
        embedding, dtype = tied.offset + tied_at, PANELS
    if embedding < 0:
        embedding = _aligned(at)
        at = embedding + shape.tensors["embedding"].n_values * codec.embedding_dtype.itemsize
    return Places(of, loaded, embedding, dtype, at)


def places_of(d: ModelDesc) -> Places:
    """Plan the file that a description stands for, and hold its numbers against the plan.

    Raises ``ConvertError``.
    """
    plan = places(d.shape, decoder.codec_of_model(d))
    for name, want, says in (
        ("weights_size", plan.loaded, d.weights_size),
        ("embedding_dtype", plan.embedding_dtype, d.embedding_dtype),
        ("embedding_offset", plan.embedding, d.embedding_offset),
        ("bin_size", plan.size, d.bin_size),
    ):
        if says != want:
            raise ConvertError(f"{name} is {says}, this shape in {d.weights} has {want}", AGAIN)
    return plan


def key_of(weights: Mapped) -> tuple[str, int]:
    """Return the tensor and the layer of what is mapped."""
    return (weights.tensor if isinstance(weights, Panels) else weights.tensors[0]), weights.layer


def mapped_bytes(weights: Mapped) -> int:
    """Count the bytes of what is mapped."""
    if isinstance(weights, Vector):
        return 4 * weights.size
    return matrix_bytes(weights.rows, weights.cols, weights.bits)


def _loaded_bytes(weights: Weights, codec: Codec) -> int:
    if isinstance(weights, Vector):
        return 4 * weights.size
    if isinstance(weights, RowScales):
        return 4 * weights.of.rows
    scales = 4 * weights.rows if codec.row_scales else 0  # a layer of their own
    return codec.disk_bytes(weights.rows, weights.cols) - scales


def _aligned(at: int) -> int:
    return at + -at % ALIGNMENT
