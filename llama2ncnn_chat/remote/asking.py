"""Encodes text by asking an engine, as seldom as it can: people type while they wait for it.

Knows no kind of engine: what asks is a function.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ..errors import Advice, EngineError
from ..text.haste import in_haste
from .http import NoAnswerError

ASKING_SECONDS = 3.0
"""So long an answer is waited for, and so long after one that didn't come nobody asks in haste."""

HASTY_SECONDS = 0.2
"""So long it is waited for in haste."""

MAX_KNOWN = 1000
"""Texts whose ids are remembered: those of a template, and what is being typed."""

MARK = "\x01"
"""A character that no vocabulary joins with others: behind it a text begins no text."""


class AskingEncoder:
    """Implements ``TextEncoder``. ``ask`` returns the ids of a text that begins one.

    It gets the seconds to wait for them; ``prefixed`` says that such a text gets a space before it
    there.
    """

    def __init__(
        self,
        ask: Callable[[str, float], list[int]],
        *,
        prefixed: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask, self._prefixed, self._clock = ask, prefixed, clock
        self._known: dict[tuple[str, bool], list[int]] = {}
        self._silent: tuple[float, NoAnswerError] | None = None

    def encode(self, text: str, prefix: bool) -> list[int]:
        """Return the ids of a text; ``prefix``: a text begins there. Raises ``EngineError``."""
        key = (text, prefix)
        if key not in self._known:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[key] = self._encoded(text, prefix)
        return list(self._known[key])

    def _encoded(self, text: str, prefix: bool) -> list[int]:
        if prefix or not self._prefixed:
            return self._asked(text)
        marked, mark = self._asked(MARK + text), self._asked(MARK)
        if marked[: len(mark)] != mark:
            raise EngineError("the engine joins what it shouldn't", Advice.NAME_TOKENIZER)
        return marked[len(mark) :]

    def _asked(self, text: str) -> list[int]:
        hasty = in_haste()
        if hasty and self._silent and self._clock() < self._silent[0] + ASKING_SECONDS:
            raise self._silent[1]
        try:
            return self._ask(text, HASTY_SECONDS if hasty else ASKING_SECONDS)
        except NoAnswerError as e:
            self._silent = self._clock(), e
            raise
