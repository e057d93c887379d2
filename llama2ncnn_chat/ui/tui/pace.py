"""Whether a terminal keeps up: it is asked how it is after a picture, and answers in its turn.

What is on its way over a slow line nobody but the terminal can tell. Knows the time as it is told,
and neither a terminal nor a picture.
"""

from __future__ import annotations

ASK, ANSWER = "\x1b[5n", "\x1b[0n"
"""Device status report: every terminal of today answers."""

MARGIN = 0.02
"""Seconds that an answer may take longer than the quickest one so far."""
PATIENCE = 10.0
"""Seconds after which an answer is taken for lost."""


class Pace:
    """``ask`` after a picture, ``answered`` when the answer comes; times are in seconds.

    A terminal that never answers is never late.
    """

    def __init__(self) -> None:
        self._asked: float | None = None
        self._quickest: float | None = None

    def ask(self, now: float) -> bool:
        """Tell whether to ask: there is one question at a time."""
        if self._asked is not None:
            return False
        self._asked = now
        return True

    def answered(self, now: float) -> None:
        """Take an answer."""
        if self._asked is not None:
            taken, self._asked = now - self._asked, None
            self._quickest = min(taken, taken if self._quickest is None else self._quickest)

    @property
    def is_answered(self) -> bool:
        """Whether an answer has come once."""
        return self._quickest is not None

    def is_late(self, now: float) -> bool:
        """Tell whether the answer takes so long that a picture must be on its way yet."""
        waited = self.waited(now)
        if waited > PATIENCE:
            self._asked = self._quickest = None
        return self._quickest is not None and waited > self._quickest + MARGIN

    def waited(self, now: float) -> float:
        """Return how long an answer has been waited for; 0 where none will come."""
        return 0.0 if self._asked is None or self._quickest is None else now - self._asked
