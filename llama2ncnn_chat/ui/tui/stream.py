"""Runs one generation in a thread: it queues events and posts that there are some.

The thread does nothing else. Knows no widget.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import closing

from textual.message import Message

from convert.crash import lack, unforeseen

from ...chat import phrases
from ...chat.outcomes import Generate
from ...errors import ChatError
from ...events import Event
from ...paths import crash_log


class Streamed(Message):
    """The running generation has queued events, for ``pop_events``."""


class Stream:
    """``run`` belongs in a thread; ``stop`` may come from any, ``pop_events`` from one other.

    The chat is busy with it from the moment that it is made, which raises ``ChatError`` if the
    generation is refused. However fast the events come, there is one message until they are popped.
    """

    def __init__(self, generate: Generate, post: Callable[[Message], object]) -> None:
        self.generate = generate
        self.complaint, self.refused = "", False
        self._post = post
        self._stop = threading.Event()
        self._source = generate.start(cancelled=self._stop.is_set)
        self._events: deque[Event] = deque()
        self._posted = False

    @property
    def stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask it to end; it does so before its next token or chunk."""
        self._stop.set()

    def pop_events(self) -> list[Event]:
        """Return and clear the events that are queued."""
        self._posted = False  # first: for what comes in between, another is posted
        events = []
        while self._events:
            events.append(self._events.popleft())
        return events

    def run(self) -> None:
        """Generate to the end; ``complaint`` says why that failed, if it did.

        ``refused`` is whether that was foreseen.
        """
        try:
            # Closing events that were left half-way lets the session tidy up behind them.
            with closing(self._source) as events:
                for event in events:
                    self._events.append(event)
                    if not self._posted:
                        self._posted = True
                        self._post(Streamed())
        except ChatError as e:
            self.complaint, self.refused = phrases.sentence(e), True
        except Exception as e:  # noqa: BLE001 (shown in the conversation, whatever it is)
            self.complaint = lack(e) or unforeseen(e, crash_log())
