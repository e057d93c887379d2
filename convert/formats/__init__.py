"""Weight formats by name: how matrices can be kept in a model. Each is a codec of its own module.

Nothing outside asks a codec for its name to decide what to do: it asks the codec.
"""

from __future__ import annotations

from ..errors import ConvertError
from .blocks import BLOCKS as BLOCKS
from .blocks import Blocks
from .codec import Codec
from .plain import FP16, FP32
from .rows import INT8

_BITS = {"q8": 8, "q6": 6, "q4": 4}
_WITHOUT_BLOCKS: dict[str, Codec] = {codec.name: codec for codec in (INT8, FP16, FP32)}

FORMAT_NAMES = ("int8", *_BITS, "fp16", "fp32")
DEFAULT_BLOCK = 64


def codec_of(name: str, block: int = DEFAULT_BLOCK) -> Codec:
    """Look up the codec of a name; ``block`` is for those that have blocks, others ignore it.

    Raises ``ConvertError`` for a name or a block that isn't known.
    """
    if name not in FORMAT_NAMES:
        raise ConvertError(f"unknown weights {name!r}", f"one of {', '.join(FORMAT_NAMES)}")
    if block not in BLOCKS:
        raise ConvertError(f"block {block} isn't one of {', '.join(map(str, BLOCKS))}")
    if name in _BITS:
        return Blocks(name, _BITS[name], block)
    return _WITHOUT_BLOCKS[name]
