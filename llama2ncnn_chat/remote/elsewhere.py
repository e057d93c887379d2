"""What all engines elsewhere have in common for whoever completes with them, as what they don't do.

Knows no kind of engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import Advice, ChatError
from ..generation.completer import Limits
from .answering import Answering
from .http import Connection
from .watch import Clock


class Elsewhere:
    """A part of a ``Completer`` that keeps nothing between two texts but the connection.

    ``threads`` are of no use elsewhere, but are kept for a model that runs here. ``clock`` gives
    seconds.
    """

    note = ""

    def __init__(self, connection: Connection, threads: int, clock: Clock) -> None:
        self.threads = threads
        self._connection, self._clock = connection, clock
        self._answering = Answering(connection, clock)

    def refuse_unfit(self, limits: Limits) -> None:
        """Refuse a schema where it isn't for all that the engine writes; see ``Completer``."""
        if limits.schema is not None and (limits.before or limits.thinks):
            begun = "that has begun" if limits.before else "of a model that thinks first"
            raise ChatError(
                f"an engine elsewhere can't hold a reply {begun} to a JSON schema: that takes a "
                "model that runs here",
                Advice.DROP_SCHEMA,
            )

    def prefill_ahead(self, ids: Callable[[], Sequence[int]]) -> None:
        """Do nothing: an engine that others use as well has better things to do."""

    def hold_ahead(self, seconds: float) -> None:
        """Do nothing: nothing is read ahead."""

    def cut(self, old: Sequence[int], new: Sequence[int]) -> None:
        """Do nothing: which ids stand before the model, each request says."""

    def close(self) -> None:
        """End the connection; more than once does no harm."""
        self._connection.close()
