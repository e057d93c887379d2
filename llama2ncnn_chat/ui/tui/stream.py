"""One generation in a thread of its own: it lays events down and tells that there are some.

The thread posts and does nothing else; knows no widget. How it ended, ``run`` returns.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import closing

from textual.message import Message

from ...chat.outcomes import Generate
from ...errors import ChatError
from ...events import Event


class Streamed(Message):
    """The running generation has laid down events to ``take``."""


class Stream:
    """``run`` belongs in a thread; ``stop`` may come from any, ``take`` from one other.

    However fast the events come, there is one message until they are taken.
    """

    def __init__(self, generate: Generate, post: Callable[[Message], object]) -> None:
        self.generate = generate
        self._post = post
        self._stop = threading.Event()
        self._events: deque[Event] = deque()
        self._told = False

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask it to end; it does so before its next token or chunk."""
        self._stop.set()

    def take(self) -> list[Event]:
        """The events that have come since the last time."""
        self._told = False  # first: what comes in between is told again
        events = []
        while self._events:
            events.append(self._events.popleft())
        return events

    def run(self) -> ChatError | None:
        """Generate to the end; returns what a person should know of why that failed."""
        try:
            started = self.generate.start(cancelled=self._stop.is_set)
            # Closing a generator that was left half-way lets the session tidy up behind it.
            with closing(started) as events:
                for event in events:
                    self._events.append(event)
                    if not self._told:
                        self._told = True
                        self._post(Streamed())
        except ChatError as e:
            return e
        return None
