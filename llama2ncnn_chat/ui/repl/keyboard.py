"""prompt_toolkit's input of a terminal, with a keyboard that nothing puts out of order.

Knows what prompt_toolkit's parser takes; what bytes mean, ``Keyboard`` knows. Unix's alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import TextIO

from prompt_toolkit.application.current import get_app
from prompt_toolkit.input.posix_utils import PosixStdinReader
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from ..keyboard import (
    ALT,
    COMMANDS,
    CTRL,
    ENTER,
    PAUSE,
    SHIFT,
    Background,
    Key,
    Keyboard,
    Paste,
    Piece,
)
from ..terminal import ESC

KNOWN = SHIFT | ALT | CTRL
"""The modifiers that terminals have always had."""
FOCUS = ("\x1b[I", "\x1b[O")
"""What is reported when the window comes to the front, and when it no longer is there."""
NAMED = {8: "\x7f", 9: "\t", ENTER: "\r", 27: ESC, 127: "\x7f"}
SHIFTED = {9: "\x1b[Z", ENTER: "\n"}  # Shift+Enter is a new line, as Ctrl+J is
CONTROLS = {" ": "\0", "/": "\x1f"}


class TerminalInput(Vt100Input):
    """Has a ``Keyboard`` between the terminal and prompt_toolkit's parser.

    ``in_front`` is whether the window was when something was heard of it last: a key, or its focus,
    where somebody has asked for reports of it.
    """

    in_front = True

    def __init__(self, stdin: TextIO) -> None:
        super().__init__(stdin)
        # Latin-1 has a character for every byte, from which it comes back as it was.
        self.stdin_reader = PosixStdinReader(self.fileno(), encoding="latin-1")
        self._keyboard = Keyboard(stdin.encoding)
        self._waiting: asyncio.TimerHandle | None = None

    def read_keys(self) -> list[KeyPress]:
        """Read what has come; returns the keys that are complete with it."""
        data = self.stdin_reader.read().encode("latin-1")
        return self._pressed(self._keyboard.feed(data, time.monotonic())) if data else []

    def flush_keys(self) -> list[KeyPress]:
        """Return the keys that were waited for in vain; in a prompt, asks again for the others."""
        keys = self._pressed(self._keyboard.idle(time.monotonic()))
        if self._waiting:
            self._waiting.cancel()
        if self._keyboard.waits:
            with suppress(RuntimeError):  # no loop: a reply is written, whose watch asks
                loop = asyncio.get_running_loop()
                self._waiting = loop.call_later(PAUSE, self._flush_again)
        return keys

    def _flush_again(self) -> None:
        app = get_app()
        if not app.is_done:
            app.key_processor.feed_multiple(self.flush_keys())
            app.key_processor.process_keys()

    def _pressed(self, pieces: Iterable[Piece]) -> list[KeyPress]:
        for piece in pieces:
            if piece in FOCUS or is_typed(piece):
                self.in_front = piece != FOCUS[1]
            if isinstance(piece, Paste):
                self._buffer.append(KeyPress(Keys.BracketedPaste, piece.text))
            elif not isinstance(piece, Background):  # which nobody here asked for
                for part in old_form(piece) if isinstance(piece, Key) else [piece]:
                    self._parse(part)
        keys, self._buffer = self._buffer, []
        return keys

    def _parse(self, part: str) -> None:
        is_sequence = len(part) > 2 and part[0] == ESC
        # The parser takes one that it doesn't know for Escape and text.
        if not is_sequence or self.vt100_parser._get_match(part):
            self.vt100_parser.feed_and_flush(part)


def is_typed(piece: Piece) -> bool:
    """Tell whether somebody has typed it for sure, and no terminal has answered by it."""
    return isinstance(piece, Key | Paste) or (isinstance(piece, str) and piece[0] != ESC)


def old_form(key: Key) -> list[str]:
    """Return what terminals have always sent for a key, in parts; nothing if they hadn't any."""
    if key.text:
        return [key.text]
    if key.modifiers & COMMANDS & ~KNOWN:
        return []
    shift, alt = key.modifiers & SHIFT, key.modifiers & ALT
    sign = (SHIFTED if shift else NAMED).get(key.code) or NAMED.get(key.code, "")
    if not sign and key.modifiers & CTRL:
        letter = chr(key.code).upper()
        sign = chr(ord(letter) & 0x1F) if "@" <= letter <= "_" else CONTROLS.get(letter, "")
    elif not sign and alt and chr(key.code).isprintable():
        sign = chr(key.code).upper() if shift else chr(key.code)
    return [ESC, sign] if alt and sign else [sign] if sign else []
