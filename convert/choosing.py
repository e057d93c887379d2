"""Which weight format a model gets: the one that was asked for, or the one that suits it.

And which matrices keep 8 bits where the others have 4, by what is known without running the model.
"""

from __future__ import annotations

from collections import Counter

from .decoder import matrices_of
from .format_names import BLOCKS, DEFAULT_BLOCK, MIXED_FORMATS
from .formats import codec_of
from .formats.codec import Codec
from .formats.mixture import Matrices
from .formats.panels import BLOCK
from .shape import ModelShape
from .sources.source import FLOAT_BITS, TensorSource

MANY_WEIGHTS = 3_000_000_000
"""From so many weights on floats go into 4 bits: in 8 they'd be slow, and many have no room."""

COARSE_BITS = 4
"""Up to so many bits a weight its maker wanted it small, above that faithful."""

SMALL_SHARE = 40
"""A 40th of a model's weights adds 0.09 bits a weight where it has 8 bits instead of 4."""

FIRST_LAYERS = 2
"""The layers whose w2 takes the largest activations of all."""

LARGE_TABLE = 10_000_000
"""So many bytes of halves are worth sharing with the classifier, which takes 8 bits for it."""


def choose_format(
    source: TensorSource,
    weights: str | None,
    block: int | None,
    eight_bits: Matrices | None = None,
) -> Codec:
    """Return the codec asked for by name and block, or the one that suits the source best.

    So it is with the matrices that keep 8 bits among others of 4, unless they are named. Raises
    ``ConvertError`` for names and blocks that aren't known.
    """
    if block is None:
        block = source.block if source.block in BLOCKS else DEFAULT_BLOCK
    name = weights or default_weights(source.shape, _bits_of_most(source))
    if eight_bits is None:
        eight_bits = _mixture(source) if name in MIXED_FORMATS else frozenset()
    return codec_of(name, block, eight_bits)


def format_of_floats(shape: ModelShape, weights: str) -> Codec:
    """Return the codec that a model of floats of this shape gets for a name.

    Raises ``ConvertError`` for names that aren't known.
    """
    eight_bits = _worth_eight_bits(shape) if weights in MIXED_FORMATS else frozenset()
    return codec_of(weights, eight_bits=eight_bits)


def default_weights(shape: ModelShape, bits: int = FLOAT_BITS) -> str:
    """Name the weight format for a model of this shape whose source has so many bits a weight.

    Whoever quantised it has chosen between size and fidelity already.
    """
    if bits >= FLOAT_BITS:
        return "q8" if shape.n_parameters < MANY_WEIGHTS else "q4"
    return "q8" if bits > COARSE_BITS else "q4"


def _bits_of_most(source: TensorSource) -> int:
    """How many bits most of the weights have that a token meets."""
    weights: Counter[int] = Counter()
    tensors = source.shape.tensors
    for name, layer in matrices_of(source.shape):
        weights[source.bits_of(name, layer)] += tensors[name].rows * tensors[name].cols
    return weights.most_common(1)[0][0]


def _mixture(source: TensorSource) -> Matrices:
    """The matrices of a source that keep 8 bits.

    What 4 bits hold as it stands goes into those. Of a source of few bits, what its maker gave
    more gets 8; and whatever the source, what is worth it by the shape.
    """
    fine = set(_worth_eight_bits(source.shape))
    if _bits_of_most(source) <= COARSE_BITS:
        fine |= {m for m in matrices_of(source.shape) if source.bits_of(*m) > COARSE_BITS}
    return frozenset(m for m in fine if not stands_in_4(source, *m))


def stands_in_4(source: TensorSource, tensor: str, layer: int) -> bool:
    """Tell whether 4 bits hold a matrix as its source has it, without loss."""
    return source.quantised_rows(tensor, layer, 0, 1, 4, BLOCK, offsets=True) is not None


def _worth_eight_bits(shape: ModelShape) -> Matrices:
    """The matrices that 4 bits hurt most for their size, where they are a small share of all."""
    tensors = shape.tensors
    last, layers = shape.classifier, range(shape.n_layers)
    sets = (
        frozenset(("wv", layer) for layer in layers),
        frozenset(("w2", layer) for layer in layers[:FIRST_LAYERS]),
        frozenset({(last, 0)}),
    )

    def weights_of(matrices: Matrices) -> int:
        return sum(tensors[name].rows * tensors[name].cols for name, _ in matrices)

    most = weights_of(matrices_of(shape)) / SMALL_SHARE
    worth = {m for each in sets if weights_of(each) <= most for m in each}
    if shape.tied and 2 * tensors[last].n_values > LARGE_TABLE:
        worth.add((last, 0))
    return frozenset(worth)
