"""Weight formats by name: how matrices can be kept in a model. Each is a codec of its own module.

Nothing outside asks a codec for its name to decide what to do: it asks the codec.
"""

from __future__ import annotations

from ..errors import ConvertError
from ..format_names import (
    BLOCK_FORMATS,
    BLOCKS,
    DEFAULT_BLOCK,
    FORMAT_NAMES,
    MIXED_FORMATS,
    PANEL_FORMATS,
)
from .blocks import Blocks
from .codec import Codec
from .mixture import Matrices
from .panels import PanelCodec
from .plain import FP16, FP32
from .rows import INT8

_WITHOUT_BLOCKS: dict[str, Codec] = {codec.name: codec for codec in (INT8, FP16, FP32)}


def codec_of(name: str, block: int = DEFAULT_BLOCK, eight_bits: Matrices = frozenset()) -> Codec:
    """Look up the codec of a name; ``block`` is for those that have a choice, others ignore it.

    The matrices of ``eight_bits`` keep 8 bits in a format of panels; elsewhere none can be named.
    Raises ``ConvertError`` for a name, a block or a mixture that isn't known.
    """
    if name not in FORMAT_NAMES:
        raise ConvertError(f"unknown weights {name!r}", f"one of {', '.join(FORMAT_NAMES)}")
    if block not in BLOCKS:
        raise ConvertError(f"block {block} isn't one of {', '.join(map(str, BLOCKS))}")
    if eight_bits and name not in MIXED_FORMATS:
        raise ConvertError(f"weights {name!r} are kept alike in all matrices", "choose q4")
    if name in PANEL_FORMATS:
        return PanelCodec(name, PANEL_FORMATS[name], eight_bits)
    if name in BLOCK_FORMATS:
        return Blocks(name, BLOCK_FORMATS[name], block)
    return _WITHOUT_BLOCKS[name]
