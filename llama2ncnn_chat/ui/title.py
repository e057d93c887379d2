"""The terminal's title, which is given back as it was found.

Knows escape sequences and what writes them; what it says, others know.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from convert.streams import printable

from ..chat import phrases
from .terminal import TAKES_IT_FOR_TEXT, is_dumb

TAKE, GIVE_BACK = "\x1b[22;0t", "\x1b[23;0t"
"""Have the terminal remember its titles, and show again what it remembered last."""
LONGEST = 60


def has_title(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a terminal has one that can be set."""
    return not is_dumb(environ) and environ.get("TERM") != TAKES_IT_FOR_TEXT


class Title:
    """Says what was shown last, from ``take`` to ``give_back``; nothing unless it ``is_ours``."""

    def __init__(self, write: Callable[[str], object], *, is_ours: bool) -> None:
        self.is_ours = is_ours
        self._write, self._shown, self._taken = write, "", False

    def take(self) -> None:
        """Take the title, which the terminal remembers."""
        if self.is_ours and not self._taken:
            self._write(TAKE)
            self._taken = True
            self._say()

    def show(self, text: str) -> None:
        """Say another text."""
        if text != self._shown:
            self._shown = text
            self._say()

    def give_back(self) -> None:
        """Have the terminal show again what it remembers."""
        if self._taken:
            self._write(GIVE_BACK)
            self._taken = False

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have the title inside, and give it back after it, whatever happened."""
        self.take()
        try:
            yield
        finally:
            self.give_back()

    def _say(self) -> None:
        if self._taken and self._shown:
            self._write(f"\x1b]2;{phrases.brief(printable(self._shown), LONGEST)}\a")
