"""The chat: transcript, composer and status line around one session, which it never decides for.

What is typed goes to the command table, and what comes of it is carried out here.
``replies`` owns the one that is being written.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Footer, Static
from textual.worker import Worker

from ...chat import outcomes
from ...chat.chat import Chat
from ...chat.commands.table import interpret
from ...chat.commands.turns import message_of
from ...chat.slash import as_message, is_command, message_in
from ...errors import ChatError
from . import clip
from .composer import Composer
from .history import History
from .keys import key
from .questions import Confirm
from .replies import GROUP, Replies, ended
from .rows import rows_of
from .status import Context, PrefillBar, Speed, StatusLine
from .stream import Streamed
from .suggestions import suggest
from .tokens_screen import TokensScreen
from .transcript import Transcript
from .welcome import welcome
from .wishes import fulfil, go_on_from

COUNT_AFTER = 0.12
"""Seconds without a key before the draft's tokens are counted again."""
ARMED_FOR = 3.0
BUSY = "a reply is being written: esc stops it"


_key = partial(key, "chat")


class ChatScreen(Screen[None]):
    """Everything about one chat. What isn't goes up as a message."""

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("escape", "back", "Stop", "Close a list, stop a reply, to the prompt"),
        _key("ctrl+c", "interrupt", "Interrupt", "Copy, clear, stop, or quit (twice)", first=True),
        _key("ctrl+l", "clear_screen", "Clear", "An empty screen; the session stays", first=True),
        _key("pageup", "page(-1)", "Page up", "Scroll the conversation up", first=True),
        _key("pagedown", "page(1)", "Page down", "Scroll the conversation down", first=True),
        _key("shift+tab", "transcript", "Messages", "Into the talk: j, k, y, r, e", first=True),
    ]

    class SessionsWanted(Message):
        """The person wants the list of sessions."""

    class Left(Message):
        """The person has finished."""

    def __init__(self, chat: Chat, history: History, *, vi: bool = False) -> None:
        super().__init__()
        self.chat = chat
        self._history, self._vi = history, vi
        self._armed: Timer | None = None
        self._counting: Timer | None = None

    def compose(self) -> ComposeResult:
        yield Static(welcome(self.chat), id="welcome")
        yield Transcript()
        yield PrefillBar()
        yield Composer(partial(suggest, self.chat), self._history, vi=self._vi)
        yield StatusLine(self.chat.model.short, self.chat.model.weights)
        yield Footer(compact=True, show_command_palette=False)

    async def on_mount(self) -> None:
        self.transcript, self.composer = self.query_one(Transcript), self.query_one(Composer)
        self.status, bar = self.query_one(StatusLine), self.query_one(PrefillBar)
        self.replies = Replies(self.chat, self, self.transcript, self.status, bar)
        bar.hide()
        self.chat.session.records_choices = True  # the token view may be asked for at any time
        if self._vi:
            self.watch(self.composer.prompt, "normal", self.status.show_mode)
        self.composer.prompt.focus()
        await self.refresh_session()

    def on_unmount(self) -> None:
        self.replies.stop()

    @property
    def has_reply(self) -> bool:
        """Whether there is one to act on, and none in the making."""
        return not self.replies.busy and self.chat.session.ledger.last("assistant") is not None

    # What is drawn

    async def refresh_session(self, *, other: bool = False) -> None:
        """Draw the session as it is now; ``other``: it isn't the one that was drawn before."""
        if other:
            self.composer.forget()
            self.status.speed = Speed()
            await self.transcript.forget()
        rows = rows_of(self.chat.session)
        if self.composer.editing not in [None, *(row.turn for row in rows)]:
            self.composer.forget()
        self.set_class(not rows, "-empty")
        await self.transcript.show(rows)
        self.count()
        self.refresh_bindings()
        for note in self.chat.take_notes():
            await self.notice(note)

    async def notice(self, text: str, kind: str = "note") -> None:
        """Say something in the conversation."""
        self.remove_class("-empty")
        await self.transcript.notice(text, kind)

    def count(self) -> None:
        """Tokens of the context and of the draft, exactly."""
        session = self.chat.session
        if self.replies.busy:
            used = self.status.context.used
        else:
            used = len(session.window(session.ledger.path()))
        text = self.composer.draft
        counts = text.strip() and not is_command(text)
        draft = session.count(message_in(self.composer.message_of(text))) if counts else 0
        self.status.context = Context(used, session.engine.context_length, draft)

    # What is typed

    @on(Composer.Changed)
    def draft_changed(self) -> None:
        if self._counting:
            self._counting.stop()
        self._counting = self.set_timer(COUNT_AFTER, self.count)

    @on(Composer.Failed)
    def composer_failed(self, message: Composer.Failed) -> None:
        self.status.say(message.text)

    @on(Composer.Submitted)
    async def submitted(self, message: Composer.Submitted) -> None:
        """A command or a message; a message that is refused goes back."""
        composer, text = self.composer, message.text
        if is_command(text):
            composer.taken(text)
            await self.run_command(text)
            return
        if self.refuse_if_busy():
            composer.give_back(text)
            return
        line = composer.message_of(text)
        if await self._carry_out(interpret(self.chat, line, edits=composer.editing)):
            composer.taken(text)
        else:
            composer.give_back(text)

    async def run_command(self, line: str) -> None:
        """A slash command."""
        await self._carry_out(interpret(self.chat, line))

    @on(Transcript.Asked)
    async def asked(self, message: Transcript.Asked) -> None:
        turn = message.turn
        if message.wish == "edit":
            said = message_of(turn)
            self.composer.edit(said, as_message(said.text))
        elif message.wish == "tokens":
            self.look_at_tokens()
        elif message.wish in ("copy", "copy_code") or not self.refuse_if_busy():
            await self._carry_out(fulfil(self.chat, message.wish, turn))

    @work
    async def look_at_tokens(self) -> None:
        """The token view of the selected reply, or the last one; perhaps another comes of it."""
        ledger = self.chat.session.ledger
        reply = self.transcript.selected or ledger.head
        if reply and reply.role == "user":
            reply = ledger.after(reply)
        if reply is None or not reply.ids:
            self.status.say("there is no reply to look at")
        elif not self.refuse_if_busy():
            screen = TokensScreen(reply, self.chat.tokenizer)
            if branch := await self.app.push_screen_wait(screen):
                await self._carry_out(go_on_from(self.chat, reply, *branch))

    # What comes of it

    async def _carry_out(self, all_: Iterable[outcomes.Outcome]) -> bool:
        """Do what each outcome says; returns whether a message has gone on its way."""
        gone = False
        for outcome in all_:
            gone |= await self._do(outcome)
        return gone

    async def _do(self, outcome: outcomes.Outcome) -> bool:
        match outcome:
            case outcomes.Generate():
                return await self._begin(outcome)
            case outcomes.Ask():
                self._ask(outcome)
                return True
            case outcomes.Say(text):
                await self.notice(text)
            case outcomes.Complain(text):
                await self.notice(text, "complaint")
            case outcomes.Draft(text, edits=editing):
                self.composer.edit(editing, text)
            case outcomes.Attach():
                self.composer.attach(outcome)
            case outcomes.Copy(text, what):
                self.status.say(clip.copy(text, what, self.app))
            case outcomes.Moved(note, turn):
                await self.refresh_session()
                if turn and self.transcript.has_focus:
                    self.transcript.selected = turn
                self.status.say(note)
            case outcomes.Switched(note):
                await self.refresh_session(other=True)
                self.composer.prompt.focus()
                self.status.say(note)
            case outcomes.PickSession():
                self.post_message(self.SessionsWanted())
            case outcomes.ClearScreen():
                await self.transcript.clear_notices()
            case outcomes.Quit():
                self.post_message(self.Left())
        return False

    @work
    async def _ask(self, question: outcomes.Ask) -> None:
        yes = await self.app.push_screen_wait(Confirm(question.question))
        await self._carry_out(question.yes if yes else question.no)

    # A reply

    async def _begin(self, generate: outcomes.Generate) -> bool:
        if self.refuse_if_busy():
            return False
        self.remove_class("-empty")
        stream = await self.replies.begin(generate)
        self.run_worker(stream.run, thread=True, exit_on_error=False, group=GROUP)
        self.refresh_bindings()
        return True

    @on(Streamed)
    def streamed(self) -> None:
        self.replies.feed()

    @on(Worker.StateChanged)
    async def worker_changed(self, event: Worker.StateChanged) -> None:
        if not ended(event):
            return
        back = await self.replies.end()
        if self.status.hint == BUSY:
            self.status.hint = ""
        await self.refresh_session()
        if back:
            self.composer.give_back(as_message(back.draft), back.edits)
        failure = event.worker.error or event.worker.result
        if isinstance(failure, BaseException):
            name = "" if isinstance(failure, ChatError) else f"{type(failure).__name__}: "
            await self.notice(f"{name}{failure}", "complaint")

    def refuse_if_busy(self) -> bool:
        """Whether a reply is being written, which then is said."""
        if self.replies.busy:
            self.status.say(BUSY)
        return self.replies.busy

    # Keys

    async def action_back(self) -> None:
        if self.composer.close_list():
            return
        if self.replies.busy:
            self.replies.stop()
        else:
            self.transcript.selected = None
            await self.transcript.to_end()
            self.composer.prompt.focus()

    def action_interrupt(self) -> None:
        prompt = self.composer.prompt
        if selected := (self.get_selected_text() or prompt.selected_text):
            self.status.say(clip.copy(selected, "the selection", self.app))
            self.clear_selection()
        elif prompt.text or self.composer.editing:
            self.composer.forget()
            prompt.put("")
        elif self.replies.busy:
            self.replies.stop()
        elif self._armed:
            self.post_message(self.Left())
        else:
            self._armed = self.set_timer(ARMED_FOR, self._disarm)
            self.status.say("ctrl+c again quits", ARMED_FOR)

    def _disarm(self) -> None:
        self._armed = None

    async def action_clear_screen(self) -> None:
        await self.transcript.clear()

    def action_page(self, pages: int) -> None:
        self.transcript.page(pages)

    def action_transcript(self) -> None:
        self.set_focus(self.transcript)  # at once: what is typed next is meant for it
