"""The part of a path that stands before the model, and how it moves when the context is full.

Tells the completer what was cut out of it; changes no turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import Advice, PromptTooLongError
from ..events import ContextShifted, ReadAgain
from ..generation.completer import Completer, Limits, common_prefix
from .ledger import Turn
from .renderer import ContextUse, Renderer, context_use, first_that_fits
from .rows import n_hidden
from .settings import OnFull, Settings


class Window:
    """The path from ``first_visible`` on (None: all of it), as ``renderer`` has it."""

    def __init__(
        self, completer: Completer, renderer: Renderer, first_visible: Turn | None = None
    ) -> None:
        self.renderer, self.first_visible = renderer, first_visible
        self._completer = completer

    @property
    def length(self) -> int:
        """How many tokens it may have."""
        return self._completer.context_length

    def ids(self, path: Sequence[Turn]) -> list[int]:
        """Return the ids that stand before the model for a path."""
        return self.renderer.window(path, self.first_visible) if path else []

    def use(self, path: Sequence[Turn]) -> ContextUse:
        """Count what of the path takes how much of the context, exactly."""
        return context_use(self.renderer, path, self.first_visible, self.length)

    def first_that_fits(self, path: Sequence[Turn]) -> Turn | None:
        """Find the turn from which on the path leaves room for a reply; None if it fits as it is.

        Raises ``PromptTooLongError`` where not even the last message fits.
        """
        return first_that_fits(self.renderer, path, self.first_visible, self.length)

    def limits(
        self,
        ids: Sequence[int],
        schema: str | None,
        max_tokens: int | None = None,
        stops: tuple[str, ...] = (),
    ) -> Limits:
        """Return the limits within which a reply goes on that has these ids so far."""
        return Limits(max_tokens, stops, tuple(ids), schema, self.renderer.reasoning.begun)

    def refuse_unfit(self, reply: Turn, settings: Settings) -> None:
        """Raise ``ChatError`` where a reply has what can't become what the settings want."""
        if settings.schema:
            self._completer.refuse_unfit(self.limits(reply.ids, settings.schema.text))

    def follow(self, path: Sequence[Turn]) -> None:
        """Move to where the model sees as much as it can of another path."""
        self.first_visible = self.renderer.first_in_sight(path, self.first_visible, self.length)

    def make_room(self, path: Sequence[Turn], on_full: OnFull) -> Iterator[ContextShifted]:
        """Drop the oldest turns, if that is what ``on_full`` says, so that the path fits.

        Raises ``PromptTooLongError`` where it doesn't fit, and then nothing has changed.
        """
        fits_from = self.first_that_fits(path)
        if fits_from is None:
            return
        if on_full in ("stop", "ask"):
            raise PromptTooLongError(
                f"the conversation and this message take {len(self.ids(path)):,} tokens of a "
                f"context of {self.length:,}",
                Advice.MAKE_ROOM,
            )
        yield self._shift(path, fits_from, on_full)

    def read_again(self, path: Sequence[Turn]) -> Iterator[ReadAgain]:
        """Count what of a path is read again for its last message; nothing where turns compose.

        That is what differs now from how it stood before the message, less the message's own text.
        """
        before, now = self.ids(path[:-1]), self.ids(path)
        kept = common_prefix(before, now)
        if kept < len(before):
            yield ReadAgain(max(0, len(now) - kept - len(path[-1].ids)))

    def shift_within_reply(self, path: Sequence[Turn], on_full: OnFull) -> ContextShifted | None:
        """Drop the oldest turns under a reply that has filled the context; None if none may go."""
        if on_full in ("stop", "ask"):
            return None
        try:
            fits_from = self.first_that_fits(path)
        except PromptTooLongError:
            return None
        return self._shift(path, fits_from, on_full) if fits_from else None

    def _shift(self, path: Sequence[Turn], first_visible: Turn, on_full: OnFull) -> ContextShifted:
        old, hidden = self.ids(path), n_hidden(path, self.first_visible)
        self.first_visible = first_visible
        new, start = self.ids(path), first_visible.depth
        if on_full == "shift":
            self._completer.cut(old, new)
        return ContextShifted(start - hidden, len(old) - len(new), start)
