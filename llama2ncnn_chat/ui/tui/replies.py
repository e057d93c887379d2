"""What is being generated, or opened: begins it, draws it as it comes, stops and ends it.

Knows the chat as something that has rows; what to do about a reply's end, its caller knows.
"""

from __future__ import annotations

import time

from textual.message_pump import MessagePump
from textual.worker import Worker, WorkerState

from ...chat.chat import Chat
from ...chat.outcomes import Generate
from .heat_transcript import HeatTranscript
from .painter import Painter
from .status import PrefillBar, StatusLine
from .stream import Stream

GROUP = "reply"
WRITING = "a reply is being written: esc stops it"
OPENING = "another model is being opened: esc stops it"
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
        transcript: HeatTranscript,
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
        if generate.kind not in ("weigh", "model"):
            await self._transcript.to_end()
        self._painter.begin(generate.kind)
        return stream

    def feed(self) -> None:
        """Draw what has come: now, or ``FRAME_SECONDS`` after what was drawn last."""
        wait = self._drawn_at + FRAME_SECONDS - time.monotonic()
        self._owner.set_timer(max(wait, 0.001), self._draw)

    async def _draw(self) -> None:
        if self.running:
            await self._painter.feed(self.running.pop_events())
            self._drawn_at = time.monotonic()

    @property
    def busy(self) -> str:
        """Say what is going on, and what stops it."""
        opens = self.running is not None and self.running.generate.kind == "model"
        return OPENING if opens else WRITING

    def stop(self) -> None:
        """Ask the running reply to end, if there is one."""
        if self.running and not self.running.stopping:
            self.running.stop()
            self._status.activity = "stopping"

    async def end(self) -> Stream | None:
        """Draw the end of the running reply; returns its stream, None if there was none."""
        await self._draw()
        busy, ended, self.running = self.busy, self.running, None
        if ended:
            self._status.unsay(busy)
            await self._painter.end()
        return ended

    @property
    def unsent(self) -> str:
        """The message that is being answered, as long as nothing has come of it."""
        return self.running.generate.draft if self.running and not self._painter.has_text else ""

    def message_to_restore(self, ended: Generate) -> str:
        """Return the message of a generation that has left no turn; empty if it has left one."""
        nothing = self._painter.added.isdisjoint(row.id for row in self._chat.view.rows_in_sight())
        return ended.draft if nothing else ""


def is_end_of_reply(event: Worker.StateChanged) -> bool:
    """Tell whether a worker's change of state is the end of a reply.

    Cancelled is a worker on the app's way out alone, and its thread may go on for a while.
    """
    over = event.state in (WorkerState.SUCCESS, WorkerState.ERROR)
    return over and event.worker.group == GROUP
