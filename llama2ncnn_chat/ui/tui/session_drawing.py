"""Draws the open session on the widgets of the chat's screen: turns, notes, and counts of tokens.

Knows the chat as something to read; changes nothing in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from textual.screen import Screen

from ...chat.ahead import hold, prefill_ahead
from ...chat.chat import Chat
from ...chat.line import Message
from ...events import Row
from ..window import Window
from .composer import Composer
from .heat_transcript import HeatTranscript
from .row_scroll import Kind
from .status import Context, Speed, StatusLine
from .talk import Talk
from .welcome import Welcome


class SessionDrawing:
    """``refresh`` belongs after each change of the session, ``refresh_end`` after each reply, which
    ``Painter`` draws."""

    def __init__(
        self,
        chat: Chat,
        screen: Screen[None],
        window: Window,
        transcript: HeatTranscript,
        composer: Composer,
        status: StatusLine,
    ) -> None:
        self._chat, self._screen, self._window = chat, screen, window
        self._welcome = screen.query_one(Welcome)
        self._transcript, self._composer, self._status = transcript, composer, status
        self._session_id = chat.session_id  # of what is drawn

    async def refresh(self, *, other: bool = False) -> None:
        """Draw the session as it is now; ``other``: it isn't the one that was drawn before."""
        if other:
            self._composer.detach_all()
            self._composer.take_all_back()  # it was meant for the other one
            self._status.speed = Speed()
            await self._transcript.reset()
        rows, self._session_id = self._chat.view.rows(), self._chat.session_id
        await self._transcript.show(rows)
        await self._say_besides(rows, other=other)

    async def refresh_end(self) -> None:
        """Draw what a reply has changed: the path before what the model sees is as it was.

        But where the reply went into a copy, whose turns are all others.
        """
        if self._session_id != self._chat.session_id:
            await self.refresh()
            return
        rows = self._chat.view.rows_in_sight()
        await self._transcript.show_end(rows)
        await self._say_besides(rows)

    async def refresh_model(self) -> None:
        """Draw the session as it is with another model, whose tokens may be others."""
        facts = self._chat.model
        self._status.show_model(facts.short, facts.weights)
        self._screen.query_one(Talk).follow_model()
        await self.refresh()

    async def _say_besides(self, rows: Sequence[Row], *, other: bool = False) -> None:
        editing = self._composer.editing
        if editing is not None and self._transcript.row_of(editing) is None:
            self._composer.detach_all()
        self._screen.set_class(not rows, "-empty")
        self.update_counts()
        self._screen.refresh_bindings()
        self.show_outside()
        notes = self._chat.pop_notes()
        if not rows and (notes or other):
            self._welcome.show_notes(notes)
        for note in notes if rows else ():
            await self.add_notice(note)

    async def add_notice(self, text: str, kind: Kind = "note", command: str = "") -> None:
        """Say something in the conversation, which is empty no more."""
        self._screen.remove_class("-empty")
        await self._transcript.add_notice(text, kind, command)

    async def complain(self, text: str, *, lasts: bool) -> None:
        """Say what went wrong: in the conversation if it ``lasts``, else for a moment."""
        if lasts:
            await self.add_notice(text, "complaint")
        else:
            self._status.say(text)

    async def clear_prints(self) -> None:
        """Remove what commands have printed."""
        await self._transcript.clear_prints()
        self._screen.set_class(self._transcript.is_empty, "-empty")

    def show_outside(self) -> None:
        """Show where somebody who looks elsewhere sees it what goes on here."""
        works = self._chat.view.busy or self._composer.queue.goes_on
        self._window.show(self._chat.name or self._chat.model.short, works=works)

    def update_counts(self) -> None:
        """Count the tokens of the context and of the draft, exactly, and show them."""
        view = self._chat.view
        n_used = self._status.context.used if view.busy else view.n_used()
        self._status.context = Context(n_used or 0, view.context_length)
        self.follow_draft()

    def follow_draft(self, *, typing: bool = False) -> None:
        """Count the tokens of the draft, and have the model read ahead what it settles.

        But not in the middle of ``typing``, which that is held for.
        """
        if typing:
            hold(self._chat)
            return
        self._count_draft()
        if self._composer.editing is None:  # else the path that stands there may be needed yet
            prefill_ahead(self._chat, self._composer.begun)

    def _count_draft(self) -> None:
        """Count the tokens of the draft alone: a whole conversation may take a while to render."""
        draft, n_draft = self._composer.draft, None
        if isinstance(draft, Message) and draft.text:
            n_draft = self._chat.view.count(self._composer.with_attached(draft))
        self._status.context = replace(self._status.context, draft=n_draft)
        self._composer.show_words(self._chat.next_reply.words)
