"""What happens in a generation and in a conversation, as frozen values that faces draw.

Nothing here is drawn, printed or put into words; a value never changes once it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

Role = Literal["user", "assistant"]
FinishReason = Literal["stop", "length", "cancelled"]

Report = Callable[[int, int], None]
"""Is told how many bytes are done, and how many there are."""
Step = Callable[[str], Report]
"""``step(what)`` begins a slow step, and gives what to tell its progress to."""


@dataclass(frozen=True)
class PrefillProgress:
    """Tokens of the prompt: fed so far, found in the cache, and in all; seconds since the start."""

    processed: int
    cached: int
    total: int
    seconds: float

    @property
    def done(self) -> int:
        """Tokens of the prompt that stand in the cache by now."""
        return self.cached + self.processed

    @property
    def per_second(self) -> float:
        """Tokens fed per second so far; 0 as long as that isn't known."""
        return self.processed / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float:
        """Seconds until the rest is fed, at the rate so far; 0 as long as that isn't known."""
        return (self.total - self.done) / self.per_second if self.per_second else 0.0


@dataclass(frozen=True)
class Choice:
    """A token, and the model's own probabilities of it and of the likeliest, before any setting."""

    token: int
    probability: float
    top: tuple[tuple[int, float], ...]

    def with_token(self, token: int) -> Choice:
        """Return the choice as it would be, had this one of the likeliest been sampled."""
        return replace(self, token=token, probability=dict(self.top).get(token, 0.0))


@dataclass(frozen=True)
class Tokens:
    """A reply's ids, and the choices that are known of them, by their index, at one moment."""

    ids: tuple[int, ...]
    choices: Mapping[int, Choice]

    @property
    def are_known(self) -> bool:
        """Whether there is a choice of every id."""
        return all(i in self.choices for i in range(len(self.ids)))


@dataclass(frozen=True)
class TextDelta:
    """Text that has become certain, and the ids behind it (a piece of a character has no text).

    ``choice`` is that of the id, where it was asked for; the end is a choice without an id. Unless
    the ids ``are_tokens``, they are bytes of the text, and nobody knows how many tokens it has.
    """

    text: str
    ids: tuple[int, ...]
    choice: Choice | None = None
    are_tokens: bool = field(default=True, kw_only=True)


@dataclass(frozen=True)
class Weighed:
    """The choices of ids that were there already, from the one at ``at`` on."""

    at: int
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Timings:
    """Counts and milliseconds, with llama.cpp's names. All counts are 0 where none is known."""

    prompt_n: int = 0
    prompt_ms: float = 0.0
    cache_n: int = 0
    predicted_n: int = 0
    predicted_ms: float = 0.0

    def __add__(self, later: Timings) -> Timings:
        """Add up two stretches of one reply; where the counts of one aren't known, none are."""
        total = Timings(
            self.prompt_n + later.prompt_n,
            self.prompt_ms + later.prompt_ms,
            self.cache_n or later.cache_n,
            self.predicted_n + later.predicted_n,
            self.predicted_ms + later.predicted_ms,
        )
        known = all(each.are_counted or each == Timings() for each in (self, later))
        return total if known else replace(total, prompt_n=0, cache_n=0, predicted_n=0)

    @property
    def are_counted(self) -> bool:
        """Whether there are counts: a prompt has a token at least."""
        return bool(self.prompt_n or self.cache_n or self.predicted_n)

    @property
    def prompt_per_second(self) -> float:
        """Tokens of the prompt that were fed per second."""
        return 1000 * self.prompt_n / self.prompt_ms if self.prompt_ms else 0.0

    @property
    def predicted_per_second(self) -> float:
        """Decode steps per second."""
        # The first token comes out of the prefill; each later one took a decode step.
        steps = max(0, self.predicted_n - 1)
        return 1000 * steps / self.predicted_ms if self.predicted_ms else 0.0

    def as_dict(self) -> dict[str, float]:
        """Return llama.cpp's ``timings`` object; without counts, where none is known."""
        if not self.are_counted:
            times = {"prompt_ms": self.prompt_ms, "predicted_ms": self.predicted_ms}
            return {name: round(ms, 3) for name, ms in times.items()}
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
class Finished:
    """The end: why, the ids that were sampled (no end id among them), and how long it took.

    ``stop`` is the stop string, if that was why; ``json_cut`` says that it was to fit a JSON schema
    and isn't whole.
    """

    reason: FinishReason
    ids: tuple[int, ...]
    timings: Timings
    stop: str | None = field(default=None, kw_only=True)
    json_cut: bool = field(default=False, kw_only=True)


def used_up(max_tokens: int | None, n_generated: int) -> bool:
    """Tell whether it is this limit that ends a text of so many tokens, and not the context."""
    return max_tokens is not None and n_generated >= max_tokens


@dataclass(frozen=True)
class Row:
    """A turn of the conversation's path as it was at one moment: all that a face draws of it.

    ``id`` names the turn to the chat, ``index`` is its place in the path. It is alternative
    ``position`` (from 1) of ``of``. The model doesn't see it if it is ``hidden``; ``begins`` marks
    the first turn that it sees where others stand before. ``finish`` is None for a message, and
    for a reply that never came to an end; ``max_tokens_reached`` is the limit, where it was that,
    which nobody can tell where it is ``limit_unknown``; ``stop_met`` is the person's stop string;
    ``json_cut`` says that it was to be JSON and isn't whole.
    ``text`` has reasoning and its tags in it, which is ``n_reasoning`` of the ids; the first tag
    stands before the reply if ``reasoning_begun``. Unless the ids ``are_tokens``, nobody is shown
    how many there are.
    """

    id: int
    role: Role
    text: str
    index: int
    position: int = 1
    of: int = 1
    hidden: bool = False
    begins: bool = False
    finish: FinishReason | None = None
    max_tokens_reached: int | None = None
    limit_unknown: bool = False
    stop_met: str | None = None
    json_cut: bool = False
    reasoning_begun: bool = False
    n_reasoning: int = 0
    are_tokens: bool = True

    @property
    def is_partial(self) -> bool:
        """Whether it is a reply that didn't come to its own end."""
        return self.role == "assistant" and self.finish != "stop"


@dataclass(frozen=True)
class TurnAdded:
    """A turn stands at ``row.index`` of the path now, and nothing after it."""

    row: Row


@dataclass(frozen=True)
class TurnRemoved:
    """The turn of this id came to nothing and was removed; it was the path's last."""

    id: int


@dataclass(frozen=True)
class TurnFinished(Finished):
    """The end of a reply, or of a part of it; ``row`` is what the reply is now."""

    row: Row


@dataclass(frozen=True)
class ContextShifted:
    """The context was full: that many of the oldest turns, and their tokens, are out of sight.

    ``first_visible`` is the place in the path from which on the model sees it.
    """

    turns: int
    tokens: int
    first_visible: int


@dataclass(frozen=True)
class ReadAgain:
    """So many tokens are read again before a message: the template puts old turns otherwise now."""

    tokens: int


@dataclass(frozen=True)
class Replayed:
    """A reply was generated again: the same ids, or the first ``at`` of them."""

    same: bool
    at: int


@dataclass(frozen=True)
class ModelProgress:
    """How far another model is from being open: what is done, and bytes of it so far and in all."""

    what: str
    done: int
    total: int


Event = (
    PrefillProgress
    | TextDelta
    | Weighed
    | Finished
    | TurnAdded
    | TurnRemoved
    | TurnFinished
    | ContextShifted
    | ReadAgain
    | Replayed
    | ModelProgress
)


class Events(Protocol):
    """A stream of events; closing it early ends what it does in an orderly way."""

    def __iter__(self) -> Iterator[Event]: ...

    def __next__(self) -> Event: ...

    def close(self) -> None:
        """End it now, and have done with it."""
