"""Sends what is typed, or has it wait for the reply before it; nothing of it is ever lost.

Knows the chat, and what carries out the outcomes of a message; draws nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from ...chat.chat import Chat
from ...chat.commands.table import interpret
from ...chat.line import Message
from ...chat.outcomes import Outcome
from .composer import Composer

CarryOut = Callable[[Iterable[Outcome]], Awaitable[bool]]
"""Does what the outcomes say; returns whether a message was sent, or is asked about."""


class Sending:
    """``in_hand`` is the message between the prompt and the session."""

    def __init__(
        self,
        chat: Chat,
        composer: Composer,
        carry_out: CarryOut,
        say_if_busy: Callable[[], bool],
    ) -> None:
        self.in_hand = ""
        self._chat, self._composer = chat, composer
        self._carry_out, self._say_if_busy = carry_out, say_if_busy

    async def submit(self, sent: Message) -> None:
        """Send a message, or have it wait; an empty one sends on what is held.

        One that is refused goes back to the prompt, and one that is to replace a turn while a reply
        is written.
        """
        composer, queue = self._composer, self._composer.queue
        if not sent.text:
            queue.let_go_on()
            await self.send_on()
        elif composer.editing is not None and self._say_if_busy():
            composer.restore_draft(sent)
        elif composer.editing is None and (self._chat.view.busy or queue.goes_on):
            queue.add(composer.with_attached(sent))
            composer.mark_sent(sent)
        elif await self._send(composer.with_attached(sent), composer.editing):
            composer.mark_sent(sent)
        else:
            composer.restore_draft(sent)

    async def send_on(self) -> None:
        """Send the first that waits, unless they are held; if it is refused, it waits on."""
        queue = self._composer.queue
        if queue.goes_on and not self._chat.view.busy:
            first = queue.pop_first()
            if not await self._send(first):
                queue.put_back(first)

    async def _send(self, message: Message, edits: int | None = None) -> bool:
        self.in_hand = str(message)
        sent = await self._carry_out(interpret(self._chat, message, edits=edits))
        self.in_hand = ""
        return sent
