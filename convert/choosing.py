"""Which weight format a model gets: the one that was asked for, or the one that suits it."""

from __future__ import annotations

from .formats import BLOCKS, DEFAULT_BLOCK, codec_of
from .formats.codec import Codec
from .shape import ModelShape
from .sources.source import TensorSource

MANY_WEIGHTS = 3_000_000_000
"""From so many weights on floats go into 4 bits: in 8 they'd be slow, and many have no room."""

FLOAT_BITS = 16
"""From so many bits a weight on a source isn't quantised."""


def choose_format(source: TensorSource, weights: str | None, block: int | None) -> Codec:
    """Return the codec asked for by name and block, or the one that suits the source best.

    Raises ``ConvertError`` for names and blocks that aren't known.
    """
    if block is None:
        block = source.block if source.block in BLOCKS else DEFAULT_BLOCK
    return codec_of(weights or default_weights(source.shape, source.bits), block)


def default_weights(shape: ModelShape, bits: int = FLOAT_BITS) -> str:
    """Name the weight format for a model of this shape whose source has so many bits a weight.

    Whoever quantised it has chosen between size and fidelity already.
    """
    if bits >= FLOAT_BITS:
        return "q8" if shape.n_parameters < MANY_WEIGHTS else "q4"
    return "q8" if bits > 5 else "q4"
