"""What a person may set about sampling: one table of names, defaults and ranges for every face.

Knows no flags and no commands; they are made from the table.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from ..errors import UsageError


def _setting(default: float, low: float, high: float, help: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "help": help})


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen. The defaults are those that people know from llama.cpp."""

    temperature: float = _setting(0.8, 0, 100, "0 is greedy; higher is more surprising")
    top_k: int = _setting(40, 0, 1 << 24, "keep the K likeliest tokens; 0 keeps all")
    top_p: float = _setting(0.95, 0, 1, "keep the likeliest tokens that make up P together")
    min_p: float = _setting(0.05, 0, 1, "drop tokens less likely than P times the likeliest")
    repeat_penalty: float = _setting(1.0, 0.01, 100, "divide the logits of recent tokens; 1 is off")
    presence_penalty: float = _setting(0.0, -100, 100, "taken off the logits of recent tokens")
    frequency_penalty: float = _setting(0.0, -100, 100, "the same, once per occurrence")
    penalty_window: int = _setting(64, 0, 1 << 24, "how many recent tokens the penalties look at")

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            low, high = f.metadata["low"], f.metadata["high"]
            if not (low <= value <= high) or math.isnan(value):
                raise UsageError(f"{f.name} {value:g} is out of range", f"{low:,} to {high:,}")

    def with_value(self, name: str, text: str) -> Sampling:
        """A copy with one setting parsed from text. Raises ``UsageError``."""
        current = asdict(self)
        if name not in current:
            raise UsageError(f"no setting {name!r}", f"one of {', '.join(current)}")
        try:
            value = type(current[name])(text)
        except ValueError:
            raise UsageError(f"{name} {text!r} is not a number") from None
        return replace(self, **{name: value})


GREEDY = Sampling(temperature=0.0)
