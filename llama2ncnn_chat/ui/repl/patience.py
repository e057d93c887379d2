"""Ends a paste whose end never comes: after a second of silence, at Ctrl+C, or at Esc.

Without it prompt_toolkit takes every key for a part of the paste, for good.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from prompt_toolkit.application.current import get_app
from prompt_toolkit.input import Input
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.input.vt100_parser import Vt100Parser

from ..terminal import CTRL_C, ESC, PASTE_ENDS, SILENCE


class PatientParser(Vt100Parser):
    """prompt_toolkit's own, but that a paste may end without its mark."""

    def __init__(self, keyboard: Vt100Input) -> None:
        # As Vt100Input makes its own: the list is another one after each reading.
        super().__init__(lambda key: keyboard._buffer.append(key))
        self._keyboard = keyboard
        self._waiting: asyncio.TimerHandle | None = None

    def feed(self, data: str) -> None:
        """Take what comes; in a paste, what is no part of it ends it."""
        if self._in_bracketed_paste:
            out = 0 if data == ESC else data.partition(PASTE_ENDS)[0].find(CTRL_C)
            if out >= 0:  # no terminal pastes either: somebody wants out
                data = data[:out] + PASTE_ENDS + data[out:]
        super().feed(data)

    def flush(self) -> None:
        """Take a sequence for over; called a moment after the last key, which a paste outlasts."""
        super().flush()
        if self._waiting:
            self._waiting.cancel()
        if self._in_bracketed_paste:
            with suppress(RuntimeError):  # there is no prompt, but a reply that is written
                loop = asyncio.get_running_loop()
                self._waiting = loop.call_later(SILENCE, self._end_paste)

    def _end_paste(self) -> None:
        if self._in_bracketed_paste:
            super().feed(PASTE_ENDS)
            processor = get_app().key_processor
            processor.feed_multiple(self._keyboard.flush_keys())
            processor.process_keys()


def make_patient(keyboard: Input) -> None:
    """Have an input read with patience, where it reads sequences at all."""
    if isinstance(keyboard, Vt100Input):
        keyboard.vt100_parser = PatientParser(keyboard)
