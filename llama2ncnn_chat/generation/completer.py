"""The protocol of what goes on from a text: ids so far in, events out, whoever computes them.

The seam between a conversation and the engine behind it. Knows no turns and no templates.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..errors import PromptTooLongError
from ..events import Events
from ..model.engine import Cancelled
from .settings import Sampling

UNKNOWN_LENGTH = sys.maxsize
"""The length of a context that nobody tells: here, no text is too long for it."""


@dataclass(frozen=True)
class Limits:
    """Where a text ends besides its end ids: ``max_tokens`` (None: the context), stop strings.

    ``before`` are ids of the same text, whose last character may be waiting for its other half;
    None if what is generated goes on in another text, so that its first space is a space.
    The text, ``before`` included, fits the JSON schema ``schema``, if there is one; one that
    ``thinks`` does from the end of its reasoning on.
    """

    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    before: tuple[int, ...] | None = None
    schema: str | None = None
    thinks: bool = False


@dataclass(frozen=True)
class Draws:
    """The chance in a text: the same ``seed`` draws the same tokens again.

    ``drawn`` is how many tokens of it have been drawn before.
    """

    seed: int
    drawn: int = 0


class Completer(Protocol):
    """Goes on from ids, as often as one likes, and best from those it went on from last.

    ``note`` is what a person should know of what computes; ``threads`` is how many of them do, for
    what is computed here.
    """

    note: str
    threads: int

    @property
    def context_length(self) -> int:
        """How many tokens a text may have, with what is generated."""

    def complete(
        self,
        ids: Sequence[int],
        sampling: Sampling,
        draws: Draws,
        limits: Limits,
        *,
        wants_choices: bool = False,
        cancelled: Cancelled,
    ) -> Events:
        """Read the ids and stream what follows them.

        Yields ``PrefillProgress`` per chunk, ``TextDelta`` per token (with its ``Choice``, if that
        is wanted), and at last one ``Finished``. ``cancelled`` is polled per layer of a chunk and
        per token. Raises ``PromptTooLongError``, and as ``refuse_unfit`` does, at once, before
        anything is read.
        """

    def refuse_unfit(self, limits: Limits) -> None:
        """Raise ``ChatError`` where what is ``before`` can't become a text that fits the schema."""

    def weigh(self, ids: Sequence[int], start: int, *, cancelled: Cancelled) -> Events:
        """Read ids to see what the model would have thought of those from ``start`` on.

        Yields ``Weighed`` and ``PrefillProgress`` per chunk; ``start`` is 1 at least. A stop ends
        it. Raises ``PromptTooLongError`` at once.
        """

    def prefill_ahead(self, ids: Callable[[], Sequence[int]]) -> None:
        """Begin to read what the next text will begin with, in the background; returns at once.

        Only saves time: whatever is asked for meanwhile goes first. ``ids`` is called there, too.
        """

    def hold_ahead(self, seconds: float) -> None:
        """Have that wait where it is, from now on for so long."""

    def cut(self, old: Sequence[int], new: Sequence[int]) -> None:
        """Make ready to go on from ``new``, which is ``old`` with a piece cut out of it.

        What stays needn't be read again, so it may still carry what it heard of the piece.
        """

    def close(self) -> None:
        """Give memory and connections back; more than once does no harm."""


def never() -> bool:
    """Return False: the ``cancelled`` of what nobody can stop."""
    return False


def common_prefix(a: Sequence[object], b: Sequence[object]) -> int:
    """Count how many ids, or characters, two sequences begin with in common."""
    n = min(len(a), len(b))
    if a[:n] == b[:n]:
        return n
    return next(i for i in range(n) if a[i] != b[i])


def refuse_too_long(n: int, context_length: int) -> None:
    """Raise ``PromptTooLongError`` unless so many tokens leave room for one more."""
    if n >= context_length:
        raise PromptTooLongError(
            f"the prompt is {n:,} tokens and the context of {context_length:,} has room for "
            f"{max(0, context_length - 1):,}",
            "shorten it",
        )
