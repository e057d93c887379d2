"""The options of how a model is converted before it is opened, which the chat and ``bench`` share.

Rows of the table in ``options``, and their values.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convert.format_names import BLOCKS, FORMAT_NAMES
from convert.stated import AUTO, ROPE_ORDERS, Stated

from ..catalogue.conversion import Conversion
from ..chat.option import Option, Parse, number, one_of


def _row(name: str, help: str, parse: Parse, default: Any = None, **more: Any) -> Option:
    """Make the row of what only a flag can say, for one run."""
    return Option(name, parse, default, help, "run", "a model that is converted first", **more)


_POSITIVE = number(float, 0)

CONVERSION = (
    _row("tokenizer", "its tokenizer.bin", Path, metavar="FILE"),
    _row(
        "weights",
        "how its weights are kept (default: q8 or q4, by its size or its own bits)",
        one_of(FORMAT_NAMES),
        choices=FORMAT_NAMES,
    ),
    _row("block", "for b8, b6 and b4", one_of(BLOCKS), choices=tuple(map(str, BLOCKS))),
    _row("rope_theta", "RoPE's theta, if no file says it", _POSITIVE, metavar="X"),
    _row("norm_eps", "the norms' epsilon, if none says it", _POSITIVE, metavar="X"),
    _row(
        "rope_order",
        "of a llama2.c file, how numbers of a head pair (default: as a text makes sense)",
        one_of(ROPE_ORDERS),
        AUTO,
        choices=ROPE_ORDERS,
    ),
    _row("keep_model", "keep it here, not cached", Path, metavar="STEM"),
)


@dataclass(frozen=True)
class ConversionOptions:
    """How a raw model is converted, a field for every row of ``CONVERSION``."""

    tokenizer: Path | None
    weights: str | None
    block: int | None
    rope_theta: float | None
    norm_eps: float | None
    rope_order: str
    keep_model: Path | None

    @property
    def conversion(self) -> Conversion:
        """Return how a raw checkpoint is converted."""
        stated = Stated(self.rope_theta, self.norm_eps, self.rope_order)
        return Conversion(self.weights, self.block, self.keep_model, stated)
