"""Tells a bare ``help``, ``exit`` or ``quit``, most likely meant for the program, from a message.

Knows words alone; what is typed with a slash, ``commands`` knows.
"""

from __future__ import annotations

from typing import NoReturn

from ..errors import ChatError
from ..model.engine import Cancelled

MEANT = {"help": "/help lists the commands", "exit": "/exit leaves", "quit": "/quit leaves"}


class BareWords:
    """Remembers which word was held back last: sent once more, it is a message."""

    def __init__(self) -> None:
        self._held = ""

    def holds(self, text: str) -> bool:
        """Tell whether a message is held back; the same one is not, the next time."""
        word = text.strip().lower()
        self._held = word if word in MEANT and word != self._held else ""
        return bool(self._held)

    def refuse(self, *, cancelled: Cancelled) -> NoReturn:  # noqa: ARG002
        """Raise ``ChatError`` about the word that is held back."""
        raise ChatError(MEANT[self._held], f"send {self._held!r} again to say it to the model")
