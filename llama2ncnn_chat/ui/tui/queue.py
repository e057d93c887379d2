"""The messages that wait for the reply before them, in sight above the prompt: first in, first out.

Knows what is to be sent, and no chat: who sends it takes it out.
"""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from ...chat import phrases
from ...chat.line import Message

WIDEST = 120
"""Characters of a message that are worth drawing: the row is cut where the screen ends."""


class Queue(Static):
    """``held``: something came between, and they are sent on by hand."""

    def __init__(self) -> None:
        super().__init__(id="queue")
        self._waiting: list[Message] = []
        self._held = False

    def on_mount(self) -> None:
        self._draw_waiting()

    @property
    def goes_on(self) -> bool:
        """Whether the first is to be sent as soon as the reply before it has ended."""
        return bool(self._waiting) and not self._held

    @property
    def unsent(self) -> str:
        """All that waits, as it would be typed."""
        return "\n\n".join(map(str, self._waiting))

    def add(self, message: Message) -> None:
        """Have a message wait behind the others."""
        self._waiting.append(message)
        self._draw_waiting()

    def pop_first(self) -> Message:
        """Take out the one to send now, where any waits."""
        first = self._waiting.pop(0)
        self._draw_waiting()
        return first

    def put_back(self, message: Message) -> None:
        """Have one that couldn't be sent wait before the others, and hold them all."""
        self._waiting.insert(0, message)
        self.hold()

    def take_back(self) -> str:
        """Take out the last one, as it would be typed; nothing where none waits."""
        last = str(self._waiting.pop()) if self._waiting else ""
        self._draw_waiting()
        return last

    def take_all_back(self) -> str:
        """Take out all of them, as they would be typed."""
        unsent = self.unsent
        self._waiting.clear()
        self._draw_waiting()
        return unsent

    def hold(self) -> None:
        """Have them wait until they are let go on."""
        self._held = True
        self._draw_waiting()

    def let_go_on(self) -> None:
        """Hold them no more."""
        self._held = False
        self._draw_waiting()

    def _draw_waiting(self) -> None:
        self._held = self._held and bool(self._waiting)
        self.display = bool(self._waiting)
        if not self.display:
            return
        n = len(self._waiting)
        state = "held  (enter sends on, ↑" if self._held else "waiting  (↑"
        rows = [f"{n:,} {state} takes {'it' if n == 1 else 'the last'} back)"]
        rows += [phrases.brief(each.text, WIDEST) for each in self._waiting]
        self.update(Content("\n".join(rows)))
