"""The running reply: begun, drawn as it comes, ended. The one owner of "a reply is being written".

Knows the chat's session as something to draw rows of; what a reply is for, others know.
"""

from __future__ import annotations

import time

from textual.message_pump import MessagePump
from textual.worker import Worker, WorkerState

from ...chat.chat import Chat
from ...chat.outcomes import Generate
from ...conversation.ledger import Turn
from .painter import Painter
from .rows import rows_of, rows_to_come
from .status import PrefillBar, StatusLine
from .stream import Stream
from .transcript import Transcript

GROUP = "reply"
FRAME_SECONDS = 1 / 12
"""A small model makes a thousand tokens a second, and a key that is typed waits for the picture
that is being drawn: at 25 pictures a second twice as long as at 12 (``benchmarks/feel.py``)."""


class Replies:
    """``begin`` returns what a thread has to run; ``end`` belongs after it, whatever happened."""

    def __init__(
        self,
        chat: Chat,
        owner: MessagePump,
        transcript: Transcript,
        status: StatusLine,
        bar: PrefillBar,
    ) -> None:
        self._chat, self._owner = chat, owner
        self._transcript, self._status = transcript, status
        self._painter = Painter(transcript, status, bar)
        self._running: Stream | None = None
        self._head: Turn | None = None  # the ledger's before it
        self._drawn_at = 0.0
        self._drawn = False  # what the session has made of it: a message and a reply

    @property
    def busy(self) -> bool:
        return self._running is not None

    async def begin(self, generate: Generate) -> Stream:
        """Show what is about to come; nothing else may be running."""
        assert not self._running
        self._running = stream = Stream(generate, self._owner.post_message)
        self._head, self._drawn = self._chat.session.ledger.head, False
        await self._transcript.to_end()
        if generate.kind == "reply":
            rows = rows_of(self._chat.session)
            await self._transcript.show(rows_to_come(rows, generate.draft, generate.edits))
        self._painter.begin(generate.kind)
        return stream

    def feed(self) -> None:
        """There is something to draw: now, or when the last picture has been seen."""
        wait = self._drawn_at + FRAME_SECONDS - time.monotonic()
        self._owner.set_timer(max(wait, 0.001), self._draw)

    async def _draw(self) -> None:
        if self._running is None:
            return
        if not self._drawn:
            self._drawn = True
            await self._transcript.show(rows_of(self._chat.session))
        await self._painter.feed(self._running.take())
        self._drawn_at = time.monotonic()

    def stop(self) -> None:
        """Ask it to end, if there is one."""
        if self._running and not self._running.stopping:
            self._running.stop()
            self._status.busy = "stopping"

    async def end(self) -> Generate | None:
        """Its thread has ended. Returns what has a draft to give back, if nothing came of it."""
        assert self._running
        await self._draw()
        generate, self._running = self._running.generate, None
        await self._painter.end()
        nothing = self._chat.session.ledger.head is self._head
        return generate if nothing and generate.draft else None


def ended(event: Worker.StateChanged) -> bool:
    """Whether a worker's news are that a reply is over."""
    over = event.state not in (WorkerState.PENDING, WorkerState.RUNNING)
    return over and event.worker.group == GROUP
