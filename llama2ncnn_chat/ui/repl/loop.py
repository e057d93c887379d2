"""The loop of the line-by-line face: reads a line, interprets it, carries out what comes of it.

Knows the chat, the outcomes of commands, a prompt and a screen; neither keys nor escape codes.
"""

from __future__ import annotations

from collections.abc import Iterable

from prompt_toolkit.formatted_text import StyleAndTextTuples

from ...chat import phrases
from ...chat.chat import Chat
from ...chat.commands import models, sessions
from ...chat.commands.table import interpret
from ...chat.line import Command, Line, Message
from ...chat.outcomes import (
    Ask,
    Attach,
    ClearScreen,
    Complain,
    Copy,
    Done,
    Draft,
    Generate,
    Moved,
    Outcome,
    PickModel,
    PickSession,
    Quit,
    Say,
    SetTheme,
    ShowTokens,
    Switched,
)
from ...chat.turn_actions import go_on_if_full, weigh
from ...conversation.renderer import reserve
from ...errors import ChatError
from ...events import ModelProgress, TurnFinished
from ..clipboard import IF_NOTHING_ARRIVED, copy_with_tool, osc52
from ..meter import Meter
from ..progress import Steps
from ..window import UNSEEN, Window
from .keys import ClearedError
from .prompts import Prompt
from .screen import Screen

MAX_COUNTED = 50_000
"""Characters up to which a message's tokens are counted with every key."""


class Repl:
    """One conversation after another, until the person leaves."""

    def __init__(self, chat: Chat, screen: Screen, window: Window = UNSEEN) -> None:
        self._chat, self._screen, self._window = chat, screen, window
        self._draft, self._left = "", False
        self._in_hand = ""  # a message between the prompt and the session
        self._edits: int | None = None
        self._used: int | None = 0  # of the context, before the reply that is being written
        self._counted: tuple[str, int | None] = ("", 0)

    def run(self, prompt: Prompt, first: Line | None = None, unsent: str = "") -> None:
        """Chat until the end of input or ``/exit``.

        ``first`` is done before anything is read; what was ``unsent`` the last time is offered.
        """
        self._prompt = prompt
        self._print_notes()
        self._draw_transcript()
        if unsent:
            self._offer(unsent)
        if first:
            self._carry_out(interpret(self._chat, first))
        while not self._left:
            self._used = self._chat.view.n_used()
            self._show_outside(works=False)
            draft, self._draft = self._draft, ""
            edits, self._edits = self._edits, None
            try:
                line = prompt.read(draft, edits=edits is not None)
            except ClearedError:
                continue
            except EOFError:
                return
            self._in_hand = str(line) if isinstance(line, Message) else ""
            self._carry_out(interpret(self._chat, line, edits=edits))
            self._in_hand = ""
            self._print_notes()

    @property
    def unsent(self) -> str:
        """What was typed and isn't in the session."""
        said = [str(Message(row.text)) for row in self._chat.view.rows() if row.role == "user"]
        in_hand = "" if self._in_hand in said[-1:] else self._in_hand
        return "\n\n".join(filter(None, (in_hand, self._draft or self._prompt.unsent)))

    def toolbar(self, draft: Line, armed: bool) -> StyleAndTextTuples:
        """Draw the bar below the prompt: model, context, speed, and what the draft takes."""
        if armed:
            return [("class:toolbar.warn", "^c again quits")]
        parts: StyleAndTextTuples = [("class:toolbar", self._status(self._screen.meter))]
        if (size := len(str(draft))) > MAX_COUNTED:
            parts.append(("class:toolbar", f" · this message {size:,} characters"))
        elif isinstance(draft, Message) and draft.text:
            if self._counted[0] != draft.text:
                self._counted = (draft.text, self._chat.view.count(draft))
            n, length = self._counted[1], self._chat.view.context_length
            if n is not None and length is not None:
                free = length - (self._used or 0)
                fits = n <= free - reserve(length)
                style = "class:toolbar" if fits else "class:toolbar.warn"
                parts.append((style, f" · this message {n:,}, free {free:,}"))
        if words := self._chat.next_reply.words:
            parts.append(("class:toolbar", f" · begins: {phrases.brief(words, 24)}"))
        return parts

    def _status(self, meter: Meter) -> str:
        busy, length = self._chat.view.busy, self._chat.view.context_length
        used = meter.used if busy else self._used
        facts = [phrases.brief(self._chat.model.short, 24)]
        if length is not None:
            facts.append(f"{used:,}/{length:,} tokens")
        if busy:
            facts += [meter.reading() or meter.speed(), self._prompt.stops]
            if typed := self._prompt.unsent:
                facts.append(f"next: {phrases.brief(typed, 24)}")
        else:
            facts.append(meter.speed())
        return " · ".join(fact for fact in facts if fact)

    def _carry_out(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            self._do(outcome)

    def _do(self, outcome: Outcome) -> None:
        screen = self._screen
        if isinstance(outcome, (Say, Done)):
            screen.say(outcome.text)
        elif isinstance(outcome, Complain):
            screen.complain(outcome.text)
        elif isinstance(outcome, Generate):
            (self._open_model if outcome.kind == "model" else self._generate)(outcome)
        elif isinstance(outcome, Ask):
            yes = self._prompt.confirm(outcome.question)
            self._carry_out(outcome.yes if yes else outcome.no)
        elif isinstance(outcome, Draft):
            self._set_draft(str(Message(outcome.text)), edits=outcome.edits)
        elif isinstance(outcome, Attach):
            if note := self._prompt.attach(outcome):
                screen.note(note)
        elif isinstance(outcome, Copy):
            self._copy(outcome)
        elif isinstance(outcome, ShowTokens):
            self._show_tokens()
        elif isinstance(outcome, Moved):
            screen.note(outcome.note)
            screen.draw_turns(row for row in self._chat.view.rows() if row.id == outcome.turn)
        elif isinstance(outcome, Switched):
            screen.note(outcome.note)
            self._print_notes()
            self._draw_transcript()
        elif isinstance(outcome, PickSession):
            screen.say(sessions.table_of(outcome.sessions, None))
            self._set_draft(f"{Command('resume')} ")
        elif isinstance(outcome, PickModel):
            screen.note(models.open_one(self._chat.model))
            screen.say(models.table_of(outcome.models))
            self._set_draft(f"{Command('model')} ")
        elif isinstance(outcome, SetTheme):
            screen.complain("the full screen alone has themes")
        elif isinstance(outcome, ClearScreen):
            screen.clear()
        elif isinstance(outcome, Quit):
            self._left = True

    def _generate(self, outcome: Generate) -> None:
        screen, end, speaks = self._screen, None, outcome.kind != "weigh"
        rows = self._chat.view.rows_in_sight()
        begun = rows[-1] if outcome.kind == "proceed" else None
        try:
            self._show_outside(works=True)
            with self._prompt.watch() as cancelled:
                events = outcome.start(cancelled=cancelled)
                self._print_notes()
                end = screen.draw_reply(events, self._status, begun, speaks=speaks)
        except ChatError as e:
            screen.complain(phrases.sentence(e))
        if end is not None:
            self._note_end(end, outcome)
        elif {row.id for row in self._chat.view.rows_in_sight()} <= {row.id for row in rows}:
            self._restore_draft(outcome)
        if speaks:
            screen.leave_gap()

    def _open_model(self, outcome: Generate) -> None:
        self._screen.meter.begin()  # the speed was that of the model before
        try:
            with self._prompt.watch() as cancelled, Steps(self._prompt.stops) as steps:
                for event in outcome.start(cancelled=cancelled):
                    if isinstance(event, ModelProgress):
                        steps.show(event)
        except ChatError as e:
            self._screen.complain(phrases.sentence(e))

    def _show_outside(self, *, works: bool) -> None:
        """Show where somebody who looks elsewhere sees it what goes on here."""
        self._window.show(self._chat.name or self._chat.model.short, works=works)

    def _note_end(self, end: TurnFinished, outcome: Generate) -> None:
        if end.reason == "cancelled" and not (end.ids or end.row.text):
            self._screen.note("stopped before the reply began")
            self._restore_draft(outcome)
        elif end.reason == "stop" and not end.ids:
            self._screen.note(phrases.said_nothing(end.row))
        elif why := phrases.ended(end.row):
            self._screen.note(why)
            self._carry_out(go_on_if_full(self._chat))

    def _restore_draft(self, outcome: Generate) -> None:
        if outcome.draft:
            self._set_draft(str(Message(outcome.draft)), edits=outcome.edits)

    def _offer(self, draft: str) -> None:
        self._screen.note("what you couldn't send the last time:")
        self._set_draft(draft, shown=True)

    def _set_draft(self, text: str, *, edits: int | None = None, shown: bool = False) -> None:
        if self._prompt.prefills:
            self._draft = text
        elif edits is not None or shown:
            self._screen.say(text)
            self._screen.note("type it anew, or an empty line to leave it")
        self._edits = edits

    def _copy(self, outcome: Copy) -> None:
        how = copy_with_tool(outcome.text)
        if not how:
            sequence = osc52(outcome.text) if self._screen.live else None
            if sequence is None:
                self._screen.complain("there is no clipboard here; /export writes a file")
                return
            self._screen.command_terminal(sequence)
        size = f"{outcome.what}, {len(outcome.text):,} characters"
        if how:
            self._screen.note(f"copied {size}, with {how}")
        else:
            self._screen.note(f"gave {size}, to the terminal; {IF_NOTHING_ARRIVED}")

    def _show_tokens(self) -> None:
        chat, view = self._chat, self._chat.view
        reply = next((row for row in reversed(view.rows()) if row.role == "assistant"), None)
        if reply is None:
            self._screen.complain("there is no reply yet; say something first")
            return
        if not view.tokens(reply.id).are_known:
            self._carry_out(weigh(chat, reply))
        self._screen.draw_tokens(chat.vocabulary, view.tokens(reply.id))

    def _draw_transcript(self) -> None:
        self._screen.draw_transcript(self._chat.view.rows())

    def _print_notes(self) -> None:
        for note in self._chat.pop_notes():
            self._screen.note(note)
