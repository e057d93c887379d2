"""What is wanted of a conversion, as a value. Knows no model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from convert.stated import NOTHING_STATED, Stated


@dataclass(frozen=True)
class Conversion:
    """How a raw checkpoint is converted on the fly. ``keep`` is where the person wants it."""

    weights: str | None = None
    block: int | None = None
    keep: Path | None = None
    stated: Stated = NOTHING_STATED


AS_USUAL = Conversion()
