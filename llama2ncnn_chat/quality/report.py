"""What is asked of a report, and what it says of every weight format: values alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from convert.stated import NOTHING_STATED, Stated

from .fidelity import Fidelity


@dataclass(frozen=True)
class Wanted:
    """What a report is to be on: formats (none is all that aren't slow), and on which text.

    ``tokens`` is about how long the text is to be; without ``text`` the model writes one.
    ``stated`` goes before what the model says of itself.
    """

    weights: tuple[str, ...] = ()
    text: Path | None = None
    tokens: int = 1000
    tokenizer: Path | None = None
    stated: Stated = NOTHING_STATED


@dataclass(frozen=True)
class Measured:
    """What came of a format; speeds in tokens per second."""

    fidelity: Fidelity
    decode: float
    prefill: float


@dataclass(frozen=True)
class FormatRow:
    """A format: the bits of a weight over all matrices, and the bytes of its file.

    ``plain`` says that any ncnn program loads it, ``default`` that the model is converted to it
    unless another is named. What isn't ``measured`` has a reason in ``left_out``.
    """

    weights: str
    block: int
    bits: float
    disk: int
    plain: bool
    default: bool
    measured: Measured | None = None
    left_out: str = ""


@dataclass(frozen=True)
class QualityReport:
    """All formats of a model beside ``base``, the one that the others are compared with.

    ``text`` is a file's name, or None for one by the model itself.
    """

    model: str
    format: str
    parameters: int
    text: str | None
    tokens: int
    threads: int
    base: str
    notes: tuple[str, ...]
    rows: tuple[FormatRow, ...]

    def to_json(self) -> dict[str, object]:
        """Give plain values by name."""
        return asdict(self)
