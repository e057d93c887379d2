"""What a generation tells whoever watches it: frozen values that faces draw and nobody prints."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

FinishReason = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True)
class PrefillProgress:
    """Tokens of the prompt: fed so far, found in the cache, and in all; seconds since the start."""

    processed: int
    cached: int
    total: int
    seconds: float


@dataclass(frozen=True)
class TextDelta:
    """Text that has become certain, and the ids behind it (a piece of a character has no text)."""

    text: str
    ids: tuple[int, ...]


@dataclass(frozen=True)
class Timings:
    """Counts and milliseconds, with llama.cpp's names."""

    prompt_n: int = 0
    prompt_ms: float = 0.0
    cache_n: int = 0
    predicted_n: int = 0
    predicted_ms: float = 0.0

    def __add__(self, later: Timings) -> Timings:
        """Of two stretches of one reply."""
        return Timings(
            self.prompt_n + later.prompt_n,
            self.prompt_ms + later.prompt_ms,
            self.cache_n or later.cache_n,
            self.predicted_n + later.predicted_n,
            self.predicted_ms + later.predicted_ms,
        )

    @property
    def prompt_per_second(self) -> float:
        return 1000 * self.prompt_n / self.prompt_ms if self.prompt_ms else 0.0

    @property
    def predicted_per_second(self) -> float:
        # The first token comes out of the prefill; each later one took a decode step.
        steps = max(0, self.predicted_n - 1)
        return 1000 * steps / self.predicted_ms if self.predicted_ms else 0.0

    def as_dict(self) -> dict[str, float]:
        """llama.cpp's ``timings`` object."""
        return {
            "prompt_n": self.prompt_n,
            "prompt_ms": round(self.prompt_ms, 3),
            "prompt_per_second": round(self.prompt_per_second, 3),
            "predicted_n": self.predicted_n,
            "predicted_ms": round(self.predicted_ms, 3),
            "predicted_per_second": round(self.predicted_per_second, 3),
            "cache_n": self.cache_n,
        }


@dataclass(frozen=True)
class ContextShifted:
    """The context was full: that many of the oldest turns, and their tokens, are out of sight."""

    turns: int
    tokens: int


@dataclass(frozen=True)
class Finished:
    """The end: why, the ids that were sampled (no EOS among them), and how long it took."""

    reason: FinishReason
    ids: tuple[int, ...]
    timings: Timings


def used_up(max_tokens: int | None, n_generated: int) -> bool:
    """Whether it is this limit that ends a text of so many tokens, and not the context."""
    return max_tokens is not None and n_generated >= max_tokens


@dataclass(frozen=True)
class Replayed:
    """A reply was generated again: the same ids, or the first ``at`` of them."""

    same: bool
    at: int


Event = PrefillProgress | TextDelta | ContextShifted | Replayed | Finished
Events = Generator[Event, None, None]
"""A stream of events; closing it early ends what it does in an orderly way."""
