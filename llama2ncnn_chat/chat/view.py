"""Reads what faces draw of the open session: values, never turns that a reply is changing.

Knows the session; changes nothing.
"""

from __future__ import annotations

from ..conversation.ledger import Turn
from ..conversation.rows import tokens_of
from ..conversation.session import Session
from ..errors import ChatError
from ..events import Row, Tokens
from ..text.haste import haste
from .line import Message
from .mentions import with_files


class View:
    """A session to read. While it is ``busy``, only its numbers and tokens can be read and
    messages counted: ``rows``, ``rows_in_sight`` and ``n_used`` raise ``BusyError``. Unless it
    ``counts``, messages aren't; unless it ``has_tokens``, nothing is.
    """

    def __init__(self, session: Session, *, counts: bool = True) -> None:
        self._session, self._counts = session, counts

    @property
    def busy(self) -> bool:
        """Whether a reply is being generated."""
        return self._session.busy

    @property
    def has_tokens(self) -> bool:
        """Whether the model's tokens are known, and not text alone."""
        return self._session.renderer.vocabulary.ids_are_tokens

    @property
    def context_length(self) -> int | None:
        """How many tokens the context has; None where nobody tells."""
        return self._session.context_length if self.has_tokens else None

    @property
    def last_seed(self) -> int | None:
        """The seed of the last reply, where it is known."""
        reply = self._session.ledger.last("assistant")
        return reply.runs[-1].seed if reply and reply.runs else None

    def rows(self) -> list[Row]:
        """Return the conversation's path as values to draw."""
        return self._session.rows()

    def rows_in_sight(self) -> list[Row]:
        """Return the end of the path, from the first turn on that the model sees."""
        return self._session.rows(in_sight=True)

    def n_used(self) -> int | None:
        """Count the tokens that stand in the context; None where they aren't known."""
        self._session.refuse_if_busy()
        if not self.has_tokens:
            return None
        return len(self._session.window(self._session.sight(self._session.ledger.head)))

    def count(self, message: Message) -> int | None:
        """Count the tokens that a message takes, with the files that it names.

        None for one that is refused, which will say why once it is sent, or whose files take long,
        and where all do.
        """
        if not self._counts:
            return None
        try:
            with haste():
                return self._session.count(with_files(message, quickly=True))
        except ChatError:
            return None

    def tokens(self, id: int) -> Tokens:
        """Return the tokens of the reply of a row's id, as they are now; it may be growing.

        Raises ``ChatError``.
        """
        return tokens_of(turn_of(self._session, id))


def turn_of(session: Session, id: int) -> Turn:
    """Find the turn of a row's id. Raises ``ChatError``."""
    try:
        return session.ledger.turn(id)
    except KeyError:
        raise ChatError("this turn is no longer there") from None
