"""How the next token is chosen, as one value that can't be out of range.

Knows neither how a setting is typed nor who sets it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UsageError

RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 100),
    "top_k": (0, 1 << 24),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "repeat_penalty": (0.01, 100),
    "presence_penalty": (-100, 100),
    "frequency_penalty": (-100, 100),
    "penalty_window": (0, 1 << 24),
}
"""The least and the greatest value of each field of ``Sampling``."""

N_TOP = 10
"""How many of the likeliest tokens a ``Choice`` has at most."""


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen. The defaults are those that people know from llama.cpp.

    Raises ``UsageError`` for a value out of its range.
    """

    temperature: float = 0.8
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    penalty_window: int = 64

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:  # not a number is in no range
                raise UsageError(f"{name} {value} is out of range", f"{low:,} to {high:,}")


@dataclass(frozen=True)
class Schema:
    """A JSON schema that replies have to fit: its ``text``, and the ``path`` it was read from."""

    path: str
    text: str


GREEDY = Sampling(temperature=0.0)
