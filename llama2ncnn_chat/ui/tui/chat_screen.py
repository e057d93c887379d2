"""The chat's screen: hands what is typed and pressed to the chat, and carries out what comes of it.

Knows what each outcome means for its widgets, and no command. ``drawing`` draws the session,
``replies`` the reply that is being written.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import ActiveBinding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer
from textual.worker import Worker

from ...chat import line, outcomes, phrases
from ...chat.chat import Chat
from ...chat.commands.table import interpret
from ...chat.completion import suggest
from ...chat.turn_actions import go_on_if_full
from ...errors import ChatError
from ..armed import ARMED_SECONDS, Armed
from ..history import History
from ..window import Window
from . import clip
from .composer import Composer
from .heat_transcript import HeatTranscript
from .keys import key
from .message_keys import footer_of
from .questions import Confirm
from .replies import GROUP, Replies, is_end_of_reply
from .sending import Sending
from .session_drawing import SessionDrawing
from .status import PrefillBar, StatusLine
from .stream import Streamed
from .talk import Talk
from .themes import use_theme
from .welcome import Welcome

_key = partial(key, "chat")


class ChatScreen(Screen[None]):
    """One chat. What is about more than it goes up to the app as a message."""

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("escape", "back", "Prompt", "Close, stop the reply, to the prompt, clear notes"),
        _key("ctrl+c", "interrupt", "Interrupt", "Copy, stop, clear, or quit (twice)", first=True),
        _key("ctrl+l", "clear_screen", "Clear", "An empty screen; the session stays", first=True),
        _key("pageup", "page(-1)", "Page up", "Scroll the conversation up", first=True),
        _key("pagedown", "page(1)", "Page down", "Scroll the conversation down", first=True),
        _key("shift+tab", "transcript", "Messages", "Choose a message", first=True),
    ]

    VERTICAL_BREAKPOINTS = [(0, "-low"), (18, "-middle"), (24, "-high")]  # noqa: RUF012 - as Textual has it

    class SessionsWanted(Message):
        """The person wants the list of sessions."""

    class ModelWanted(Message):
        """The person wants to pick another model."""

    class Left(Message):
        """The person wants to leave."""

    def __init__(self, chat: Chat, history: History, window: Window, *, vi: bool = False) -> None:
        super().__init__()
        self.chat, self._history, self._window, self._vi = chat, history, window, vi
        self._armed = Armed()
        self._worker: Worker[None] | None = None  # the reply of which the end isn't drawn yet

    def compose(self) -> ComposeResult:
        yield (welcome := Welcome(self.chat))
        yield Talk(self.chat)
        yield PrefillBar()
        yield Composer(partial(suggest, self.chat), welcome.offers, self._history, vi=self._vi)
        yield StatusLine(self.chat.model.short, self.chat.model.weights)
        yield Footer(compact=True, show_command_palette=False)

    async def on_mount(self) -> None:
        self.transcript, self.composer = self.query_one(HeatTranscript), self.query_one(Composer)
        self.talk = self.query_one(Talk)
        self.status, bar = self.query_one(StatusLine), self.query_one(PrefillBar)
        self.drawing = SessionDrawing(
            self.chat, self, self._window, self.transcript, self.composer, self.status
        )
        self.replies = Replies(self.chat, self, self.transcript, self.status, bar)
        self.sending = Sending(self.chat, self.composer, self._carry_out, self.say_if_busy)
        self.chat.record_choices()  # the heat may be asked for at any time
        if self._vi:
            self.watch(self.composer.prompt, "mode", self.status.show_mode)
        self.composer.prompt.focus()
        if draft := self._history.take_draft():
            self.composer.prompt.replace_text(draft)
            self.status.say("what you couldn't send the last time is back")
        await self.drawing.refresh()

    def on_resize(self) -> None:
        self.refresh_bindings()  # the footer has as many as there are cells for

    def on_unmount(self) -> None:
        self.replies.stop()

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        active = super().active_bindings
        if self.is_mounted and (actions := self.transcript.actions):
            return footer_of(active, actions, self.size.width - 2, busy=self.chat.view.busy)
        return active

    @property
    def unsent(self) -> str:
        """What was typed and isn't in the session."""
        if not self.is_mounted:
            return ""
        texts = (self.sending.in_hand or self.replies.unsent, self.composer.unsent)
        return "\n\n".join(filter(None, texts))

    # What is typed

    @on(Composer.Changed)
    def _draft_changed(self, message: Composer.Changed) -> None:
        self.drawing.follow_draft(typing=message.typing)

    @on(Composer.Failed)
    def _composer_failed(self, message: Composer.Failed) -> None:
        self.status.say(message.text)

    @on(Composer.Submitted)
    async def _submitted(self, message: Composer.Submitted) -> None:
        """Carry out a command, or send a message."""
        sent = message.line
        if isinstance(sent, line.Command):
            self.composer.mark_sent(sent)
            await self.run_command(sent)
        else:
            await self.sending.submit(sent)

    async def run_command(self, command: line.Command) -> None:
        """Carry out a slash command."""
        await self._carry_out(interpret(self.chat, command))

    @on(Talk.Wanted)
    async def _wanted(self, message: Talk.Wanted) -> None:
        if not (message.waits and self.say_if_busy()):
            await self._carry_out(message.outcomes)

    # What comes of it

    async def _carry_out(self, all_: Iterable[outcomes.Outcome]) -> bool:
        """Do what each outcome says; returns whether a message was sent, or is asked about."""
        sent = False
        for outcome in all_:
            sent |= await self._do(outcome)
        self.drawing.show_outside()
        return sent

    async def _do(self, outcome: outcomes.Outcome) -> bool:
        match outcome:
            case outcomes.Generate():
                return await self._begin(outcome)
            case outcomes.Ask():
                if not self.chat.view.busy:
                    self.composer.queue.hold()
                self._ask(outcome)
                return True
            case outcomes.Say(text, command):
                await self.drawing.add_notice(text, "printed", command)
            case outcomes.Done(text) | outcomes.Complain(text):
                self.status.say(text)
            case outcomes.Draft(text, edits=editing):
                self.composer.edit(editing, text)
            case outcomes.Attach():
                self.composer.attach(outcome)
            case outcomes.Copy(text, what):
                self.status.say(clip.copy(text, what, self.app))
            case outcomes.ShowTokens():
                self.talk.toggle_heat()
            case outcomes.Moved(note, turn):
                await self.drawing.refresh()
                if turn is not None and self.transcript.has_focus:
                    self.transcript.selected = turn
                self.status.say(note)
            case outcomes.Switched(note):
                await self.drawing.refresh(other=True)
                self.composer.prompt.focus()
                self.status.say(note)
            case outcomes.PickSession():
                self.post_message(self.SessionsWanted())
            case outcomes.PickModel():
                self.post_message(self.ModelWanted())
            case outcomes.SetTheme(name):
                self.status.say(use_theme(self.app, name))
            case outcomes.ClearScreen():
                await self.drawing.clear_prints()
            case outcomes.Quit():
                self.post_message(self.Left())
        return False

    @work
    async def _ask(self, question: outcomes.Ask) -> None:
        yes = await self.app.push_screen_wait(Confirm(question.question))
        await self._carry_out(question.yes if yes else question.no)

    # A reply

    async def _begin(self, generate: outcomes.Generate) -> bool:
        if self.say_if_busy():
            return False
        await self._end_reply()  # of which the thread has ended, but not the drawing
        try:
            stream = await self.replies.begin(generate)
        except ChatError as e:
            self.status.say(phrases.sentence(e))
            return False
        if generate.kind != "model":
            self.remove_class("-empty")
        self._worker = self.run_worker(stream.run, thread=True, exit_on_error=False, group=GROUP)
        self.refresh_bindings()
        return True

    @on(Streamed)
    def _streamed(self) -> None:
        self.replies.feed()

    @on(Worker.StateChanged)
    async def _worker_changed(self, event: Worker.StateChanged) -> None:
        if event.worker is self._worker and is_end_of_reply(event):
            await self._end_reply()
            await self.sending.send_on()
            self.drawing.show_outside()

    async def _end_reply(self) -> None:
        if (stream := await self.replies.end()) is None:
            return
        if stream.stopping or stream.complaint:
            self.composer.queue.hold()
        kind = stream.generate.kind
        await (self.drawing.refresh_model() if kind == "model" else self.drawing.refresh_end())
        if message := self.replies.message_to_restore(stream.generate):
            self.composer.restore_draft(line.Message(message), stream.generate.edits)
        if stream.complaint:
            lasts = kind != "model" and not (message and stream.refused)
            await self.drawing.complain(stream.complaint, lasts=lasts)
        if kind in ("reply", "proceed"):
            await self._carry_out(go_on_if_full(self.chat))

    def say_if_busy(self) -> bool:
        """Return whether a reply is being written, or a model opened; the status line says so."""
        if self.chat.view.busy:
            self.status.say(self.replies.busy)
        return self.chat.view.busy

    # Keys

    async def action_back(self) -> None:
        """Close what is open, stop the reply, or go back to the prompt."""
        if self.composer.close_topmost():
            return
        if self.chat.view.busy:
            self.replies.stop()
        elif self.composer.prompt.has_focus and self.transcript.has_prints:
            await self.drawing.clear_prints()
        else:
            self.transcript.selected = None
            await self.transcript.to_end()
            self.composer.prompt.focus()

    def action_interrupt(self) -> None:
        """Copy the selection, stop the reply, clear the prompt, or leave (twice in a row)."""
        prompt = self.composer.prompt
        if selected := (self.get_selected_text() or prompt.selected_text):
            self.status.say(clip.copy(selected, "the selection", self.app))
            self.clear_selection()
        elif self.chat.view.busy:
            self.replies.stop()
        elif prompt.text or self.composer.editing is not None:
            self.composer.clear()
        elif self._armed:
            self.post_message(self.Left())
        else:
            self._armed.arm()
            self.status.say("^c again quits", ARMED_SECONDS)

    async def action_clear_screen(self) -> None:
        """Empty the screen; the conversation stays."""
        await self.transcript.clear()

    def action_page(self, pages: int) -> None:
        """Scroll by so many screens."""
        self.transcript.page(pages)

    def action_transcript(self) -> None:
        """Give the keys to the transcript."""
        self.set_focus(self.transcript)  # at once: what is typed next is meant for it
