"""Watches, between tokens, for the Esc or Ctrl+C that stops a reply, and for Ctrl+Z.

Knows keys and signals; what else is typed meanwhile is left to the next prompt: a line is sent
there, unless the reply before it was stopped or has failed.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from prompt_toolkit.input import Input
from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from ..stopping import has_shell
from ..terminal import command

POLL_SECONDS = 0.02
REPORT_FOCUS, REPORT_NOTHING = "\x1b[?1004h", "\x1b[?1004l"
"""What has the terminal tell whether its window is in front; who tells no more."""
NEW_LINE = (Keys.ControlM, Keys.ControlJ)


class KeyWatch:
    """Reads the terminal's keys while a reply runs. Use it in ``with``; call it to ask.

    ``suspend`` gives the terminal to the shell, until ``fg``.
    """

    def __init__(self, keyboard: Input, suspend: Callable[[], None]) -> None:
        self._input, self._suspend = keyboard, suspend
        self._stopped = False
        self._next = 0.0

    def __enter__(self) -> KeyWatch:
        self._take()
        return self

    def __exit__(self, *error: Any) -> None:
        self._give_back()
        if error[0]:
            self._hold([])

    def __call__(self) -> bool:
        now = time.monotonic()
        if not self._stopped and now >= self._next:
            self._next = now + POLL_SECONDS
            self._look()
        return self._stopped

    def _look(self) -> None:
        # An escape with nothing after it is the key; the parser waits for more until it is flushed.
        keys = self._input.read_keys() or self._input.flush_keys()
        for i, key in enumerate(keys):
            if key.key in (Keys.ControlC, Keys.Escape):
                self._stopped = True
                self._hold(keys[:i])
                keys = keys[i + 1 :]
                break
        if any(key.key == Keys.ControlZ for key in keys):
            keys = [key for key in keys if key.key != Keys.ControlZ]
            self._go_to_shell()
        self._keep(keys)

    def _keep(self, keys: list[KeyPress]) -> None:
        # An end of input that is meant for the reply mustn't end the program after it.
        unwanted = (Keys.CPRResponse, Keys.ControlD)
        store_typeahead(self._input, [k for k in keys if k.key not in unwanted])

    def _take(self) -> None:
        self._raw = self._input.raw_mode()
        self._raw.__enter__()
        if hasattr(self._input, "in_front"):
            command(REPORT_FOCUS)

    def _give_back(self) -> None:
        if hasattr(self._input, "in_front"):
            command(REPORT_NOTHING)
        self._raw.__exit__(None, None, None)

    def _hold(self, keys: list[KeyPress]) -> None:
        """Have what was typed wait in the prompt, not sent: it was meant for after the reply."""
        keys = [*get_typeahead(self._input), *keys]
        while keys and keys[-1].key == Keys.ControlM:
            keys.pop()
        newline = KeyPress(Keys.ControlJ, "\n")
        keys = [newline if key.key == Keys.ControlM else key for key in keys]
        self._keep(keys)

    def _go_to_shell(self) -> None:
        """Suspend the program; without a shell that could wake us, nothing happens."""
        if has_shell():
            self._give_back()
            self._suspend()
            self._take()


def typed_ahead(keyboard: Input) -> str:
    """Return the text that was typed during a reply, and that no prompt has got yet."""
    keys = get_typeahead(keyboard)
    store_typeahead(keyboard, keys)
    return "".join(map(_text_of, keys))


def _text_of(key: KeyPress) -> str:
    if key.key in NEW_LINE:
        return "\n"
    is_text = key.key == Keys.BracketedPaste or not isinstance(key.key, Keys)
    return key.data if is_text else ""


class SignalWatch:
    """Catches SIGINT while a reply runs, where no keys can be read. Use it as ``KeyWatch``."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._before: Any = None

    def __enter__(self) -> SignalWatch:
        self._before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def __call__(self) -> bool:
        return self._stopped.is_set()

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopped.set()
