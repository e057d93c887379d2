"""A KV cache as plain arrays, apart from any engine: what is copied out, stored and restored.

Keys stand as attention reads them, after RoPE. Knows nothing of ncnn's layers or of files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from convert.rope import Rope
from convert.rope_tables import inverse_frequencies

Float32 = npt.NDArray[np.float32]
Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class KvCache:
    """``keys`` and ``values``, ``(n_layers, n_kv_heads, n_tokens, head_dim)``.

    Of the type that the engine keeps them in, float16 or float32.
    """

    keys: Floats
    values: Floats

    @property
    def n_tokens(self) -> int:
        """How many tokens it holds."""
        return int(self.keys.shape[2])


class LiveCache(Protocol):
    """The cache that an engine's passes attend to and add to, wherever its memory is.

    ``position`` is how many tokens it holds; set to fewer, it forgets the others and touches no
    memory.
    """

    position: int

    def enter(self, extractor: Any, m: int) -> None:
        """Hand a pass of ``m`` tokens, an ncnn ``Extractor``, what it attends to."""

    def compute(self, extractor: Any, cancelled: Callable[[], bool] | None) -> Any:
        """Run the pass; returns its hidden states, a ``Mat`` ``(dim, m)``.

        What it adds counts once ``position`` is raised. Raises ``CalledOffError`` as soon as
        ``cancelled`` between two layers.
        """

    def read(self, layer: int, start: int, stop: int) -> tuple[Floats, Floats]:
        """Copy tokens out, keys and values, each ``(n_kv_heads, stop - start, head_dim)``."""

    def write(self, layer: int, start: int, keys: Any, values: Any) -> None:
        """Put tokens, shaped like ``read``'s, from ``start`` on; ``position`` stays as it is."""

    def close(self) -> None:
        """Give the memory back, before the net goes."""


def rotate(keys: Floats, by: int, rope: Rope) -> Float32:
    """Return keys ``(..., head_dim)`` as they would be ``by`` positions later (earlier if < 0).

    RoPE is a rotation, so rotations add up: a cached key moves without its token being fed again.
    What it holds of the tokens before it, which later layers attended to, stays in it; so does the
    attention factor.
    """
    head_dim = keys.shape[-1]
    first, second = rope.pairs(head_dim)
    angles = by * inverse_frequencies(rope, head_dim)
    cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    real, imaginary = (keys[..., part].astype(np.float32) for part in (first, second))
    turned = np.empty(keys.shape, np.float32)
    turned[..., first] = real * cos - imaginary * sin
    turned[..., second] = real * sin + imaginary * cos
    return turned
