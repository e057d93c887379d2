"""The reply on the screen: begun, drawn as it comes, ended.

Knows the chat as something to ask for rows; what a reply is for, others know.
"""

from __future__ import annotations

import time

from textual.message_pump import MessagePump
from textual.worker import Worker, WorkerState

from ...chat.chat import Chat
from ...chat.outcomes import Generate
from .painter import Painter
from .status import PrefillBar, StatusLine
from .stream import Stream
from .transcript import Transcript

GROUP = "reply"
FRAME_SECONDS = 1 / 12
"""A small model makes a thousand tokens a second, and a key that is typed waits for the picture
that is being drawn: at 25 pictures a second twice as long as at 12 (``benchmarks/feel.py``)."""


class Replies:
    """``begin`` returns what a thread has to run; ``end`` belongs after it, whatever happened.

    ``running`` is the stream between the two.
    """

    def __init__(
        self,
        chat: Chat,
        owner: MessagePump,
        transcript: Transcript,
        status: StatusLine,
        bar: PrefillBar,
    ) -> None:
        self.running: Stream | None = None
        self._chat, self._owner = chat, owner
        self._transcript, self._status = transcript, status
        self._painter = Painter(transcript, status, bar)
        self._drawn_at = 0.0

    async def begin(self, generate: Generate) -> Stream:
        """Make ready to draw a generation. Raises ``ChatError`` if it is refused."""
        assert not self.running
        self.running = stream = Stream(generate, self._owner.post_message)
        await self._transcript.to_end()
        self._painter.begin(generate.kind)
        return stream

    def feed(self) -> None:
        """Draw what has come: now, or when the last picture has been seen."""
        wait = self._drawn_at + FRAME_SECONDS - time.monotonic()
        self._owner.set_timer(max(wait, 0.001), self._draw)

    async def _draw(self) -> None:
        if self.running:
            await self._painter.feed(self.running.take())
            self._drawn_at = time.monotonic()

    def stop(self) -> None:
        """Ask it to end, if there is one."""
        if self.running and not self.running.stopping:
            self.running.stop()
            self._status.activity = "stopping"

    async def end(self) -> Stream | None:
        """Draw the end of what has ended; returns it, None if there was nothing."""
        await self._draw()
        ended, self.running = self.running, None
        if ended:
            await self._painter.end()
        return ended

    def message_to_give_back(self, ended: Generate) -> str:
        """Return the message of a generation that nothing has come of, if it had one."""
        nothing = self._painter.added.isdisjoint(row.id for row in self._chat.view.rows())
        return ended.draft if nothing else ""


def ended(event: Worker.StateChanged) -> bool:
    """Tell whether a worker's news are that a reply is over."""
    over = event.state not in (WorkerState.PENDING, WorkerState.RUNNING)
    return over and event.worker.group == GROUP
