"""Textual's driver of a terminal with a keyboard that nothing puts out of order.

Reads in a thread, as Textual's does, and takes the terminal back whoever wakes the program.
"""

from __future__ import annotations

import os
import select
import selectors
import threading
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import Any

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from ..giving_back import given_back
from ..keyboard import PAUSE, Background, Key, Keyboard, Paste, Piece
from ..terminal import ESC, TAKES_IT_FOR_TEXT
from ..title import Title, has_title
from .keyboard import BackgroundTold, InputFailed, extended_form
from .pace import ANSWER, ASK, Pace

POLL_SECONDS = 0.1
"""How often it is looked whether what has begun will have an end; nothing is, otherwise."""

READ_BYTES = 1 << 14
ASK_BACKGROUND = "\x1b]11;?\x1b\\"
LAST_ANSWER = 1.0
"""Seconds that the way out waits for a terminal's answer."""


class _Ending(threading.Event):
    """An event that can be waited for together with a terminal: once it is set, ``end`` reads.

    It lives as long as the program, for a driver is closed and used again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.end, self._begin = os.pipe()

    def set(self) -> None:
        super().set()
        os.write(self._begin, b"\0")

    def clear(self) -> None:
        if self.is_set():
            os.read(self.end, READ_BYTES)
        super().clear()


class TerminalDriver(LinuxDriver):
    """Begins with a parser anew where a sequence was too much for Textual's."""

    _switching = _background_asked = False

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how)
        self._watched = ExitStack()
        self._pace = Pace()
        wants_title = getattr(self._app, "wants_title", False)
        self.title = Title(self.write, is_ours=wants_title and has_title())
        self.exit_event = self._ending = _Ending()

    def start_application_mode(self) -> None:
        """Take the terminal; if it is taken already, give it back first.

        A program that was stopped and woken from outside has never given it back, and finds it as
        the shell has it.
        """
        if self._switching:  # a signal in the middle of this
            return
        self._switching = True
        try:
            if self._reads_keys:
                self.suspend_application_mode()
                self._must_signal_resume = True
            self._watched.enter_context(self._watching())
            self._pace, self._background_asked = Pace(), False
            super().start_application_mode()  # type: ignore[no-untyped-call]
            self.title.take()
        finally:
            self._switching = False

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        self.title.give_back()
        super().stop_application_mode()
        self._watched.close()

    def disable_input(self) -> None:
        """Read no more keys, once the answer is there that the shell would take for one."""
        begun = time.monotonic()
        while self._reads_keys and self._pace.waited(now := time.monotonic()):
            if now - begun > LAST_ANSWER:
                break
            time.sleep(POLL_SECONDS / 10)
        super().disable_input()

    def is_behind(self) -> bool:
        """Tell whether the terminal has something to draw yet."""
        writer = self._writer_thread
        if writer is None:
            return False
        is_writable = bool(select.select([], [writer.fileno()], [], 0)[1])
        unwritten = writer._queue.qsize() > 0 or not is_writable
        return unwritten or self._pace.is_late(time.monotonic())

    def drawn(self) -> None:
        """Hear that a picture was written: ask whether it has come.

        Once it is known that answers come, the background is asked about, too: before the other
        question, so that who waits for its answer on the way out has waited for both.
        """
        if not self._pace.ask(time.monotonic()):
            return
        if self._pace.is_answered and not self._background_asked:
            self._background_asked = True
            if os.environ.get("TERM") != TAKES_IT_FOR_TEXT:
                self.write(ASK_BACKGROUND)
        self.write(ASK)

    def _watching(self) -> AbstractContextManager[object]:
        """Return what gives the terminal back if the program dies: at first, what does already."""
        take_over = getattr(self._app, "take_over", None)
        if take_over is None:
            return given_back(self._file, title=self.title.is_ours)
        self._app.take_over = None  # type: ignore[attr-defined] # ours has it
        watched: ExitStack = take_over()
        return watched

    @property
    def _reads_keys(self) -> bool:
        return self._key_thread is not None and self._key_thread.is_alive()

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except BaseException as e:  # noqa: BLE001 - whatever it is, nobody hears keys any more
            self.send_message(InputFailed(e))

    def run_input_thread(self) -> None:
        """Send what comes from the terminal to the app, until the driver stops."""
        self._parser = XTermParser(self._debug)
        keyboard = Keyboard(alt=getattr(self._app, "reads_alt", True))
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            selector.register(self._ending.end, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                ready = selector.select(self._patience(keyboard))
                if any(key.fd == self.fileno for key, _ in ready):
                    data = os.read(self.fileno, READ_BYTES)
                    if not data:  # the terminal is gone, which a signal tells the app
                        time.sleep(POLL_SECONDS)
                    self._send(keyboard.feed(data, time.monotonic()))
                else:
                    self._send(keyboard.idle(time.monotonic()))
                self._pass_on(self._parser.tick())

    def _patience(self, keyboard: Keyboard) -> float | None:
        """Return for how many seconds to wait for bytes; None where nothing more is to come."""
        if keyboard.waits:
            return PAUSE
        return None if self._parser._timeout_time is None else POLL_SECONDS

    def _send(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            if isinstance(piece, Paste):
                self.process_message(events.Paste(piece.text))
            elif isinstance(piece, Background):
                self.send_message(BackgroundTold(piece.brightness))
            elif piece == ANSWER:
                self._pace.answered(time.monotonic())
            elif piece == ESC:  # by itself, for which Textual's parser would wait once more
                self.process_message(events.Key("escape", ESC))
            else:
                self._parse(extended_form(piece) if isinstance(piece, Key) else piece)

    def _parse(self, piece: str) -> None:
        try:
            self._pass_on(self._parser.feed(piece))
        except Exception:  # noqa: BLE001 - as many kinds as there are sequences
            self._parser = XTermParser(self._debug)

    def _pass_on(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if isinstance(message, events.Key) and message.key.startswith("alt+"):
                message = events.Key(message.key, None)
            with suppress(RuntimeError):  # the event loop has ended
                self.process_message(message)
