"""The conversation and, in the heat, what else the model had in mind: the keys that go between.

Posts what the reader wants; changes nothing in the conversation.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message

from ...chat.chat import Chat
from ...chat.outcomes import Complain, Copy, Outcome
from ...chat.phrases import NO_TOKENS
from ...chat.turn_actions import act, branch, weigh
from ...events import Row, Tokens
from ..likelihood import SURPRISING
from .code_block import CodeBlock
from .heat_transcript import HeatTranscript
from .keys import key
from .more_below import MoreBelow
from .runners_up import RunnersUp
from .transcript import Transcript

UNKNOWN = "enter reads how likely it was"

_key = partial(key, "heat", first=True)


class Talk(Vertical):
    """``toggle_heat`` tints the replies, or shows them as Markdown again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("left", "point(-1)", "Token", "The token before", show=True),
        _key("right", "point(1)", "Token", "The token after"),
        _key("up", "highlight(-1)", "Other", "A likelier one", show=True),
        _key("down", "highlight(1)", "Other", "A less likely one"),
        _key("n", "surprise", "Surprise", "The next token that wasn't likely", show=True),
        _key("enter", "branch", "Go on from it", "Another reply with this token", show=True),
    ]

    class Wanted(Message):
        """The reader wants these outcomes carried out, of which none has begun.

        ``waits``: not while a reply is being written.
        """

        def __init__(self, outcomes: Iterable[Outcome], *, waits: bool = True) -> None:
            self.outcomes, self.waits = outcomes, waits
            super().__init__()

    def __init__(self, chat: Chat) -> None:
        super().__init__(id="talk")
        self._chat = chat

    def compose(self) -> ComposeResult:
        yield HeatTranscript(self._chat)
        yield RunnersUp(self._chat)
        yield MoreBelow()

    def on_mount(self) -> None:
        self._transcript = self.query_one(HeatTranscript)
        self._others = self.query_one(RunnersUp)
        self.watch(self._transcript, "below", self.query_one(MoreBelow).show)

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Return False outside the heat, where the keys are the transcript's own."""
        mine = action in ("point", "highlight", "surprise", "branch")
        return not mine or (self._transcript.heat and self._transcript.reply is not None)

    def toggle_heat(self) -> None:
        """Tint the replies, with the cursor in the selected one or the last, or no more.

        While a reply is being written, the keys stay where they are. Where there are no tokens, it
        is said so.
        """
        transcript = self._transcript
        if not (transcript.heat or self._chat.view.has_tokens):
            self.post_message(self.Wanted([Complain(NO_TOKENS)], waits=False))
            return
        transcript.heat = not transcript.heat
        self.set_class(transcript.heat, "-heat")
        if transcript.heat and not self._chat.view.busy and (row := transcript.selected_reply):
            self.screen.set_focus(transcript)
            transcript.selected = row.id
            if (tokens := transcript.tokens_of(row)) and not tokens.are_known:
                self.post_message(self.Wanted(weigh(self._chat, row)))
        self.screen.refresh_bindings()

    def follow_model(self) -> None:
        """Draw the replies by the tokens of another model, or as Markdown where it has none."""
        if self._transcript.heat and not self._chat.view.has_tokens:
            self.toggle_heat()
        self._transcript.watch_heat()

    def action_point(self, step: int) -> None:
        """Go on by so many tokens (back if negative)."""
        if tokens := self._tokens:
            at = self._transcript.cursor + step
            self._transcript.cursor = min(max(0, at), len(tokens.ids) - 1)

    def action_surprise(self) -> None:
        """Go to the next token that wasn't likely, around the end."""
        if tokens := self._tokens:
            n, cursor = len(tokens.ids), self._transcript.cursor
            for i in (*range(cursor + 1, n), *range(cursor + 1)):
                choice = tokens.choices.get(i)
                if choice and choice.probability < SURPRISING:
                    self._transcript.cursor = i
                    return

    def action_highlight(self, step: int) -> None:
        """Move the highlight among the others."""
        self._others.move(step)

    @on(RunnersUp.Picked)
    def action_branch(self) -> None:
        """Go on from the highlighted token; where nothing is known, ask what was likely."""
        if (looked_at := self._looked_at) is None:
            return
        (row, tokens, at), token = looked_at, self._others.highlighted
        if token is None:
            self.post_message(self.Wanted(weigh(self._chat, row)))
        elif token not in {tokens.ids[at], *self._chat.vocabulary.ends}:
            self.post_message(self.Wanted(branch(self._chat, row, at, token)))

    @on(Transcript.Wanted)
    def _turn_wanted(self, message: Transcript.Wanted) -> None:
        """Do what the reader wants done about a turn."""
        message.stop()
        if message.wish == "tokens":
            self.toggle_heat()
        else:
            waits = message.wish not in ("copy", "copy_code")
            self.post_message(self.Wanted(act(self._chat, message.wish, message.row), waits=waits))

    @on(CodeBlock.Picked)
    def _code_picked(self, message: CodeBlock.Picked) -> None:
        message.stop()
        self.post_message(self.Wanted([Copy(message.code, message.what)], waits=False))

    @on(MoreBelow.Clicked)
    async def _to_end(self) -> None:
        await self._transcript.to_end()

    @on(HeatTranscript.Pointed)
    def _draw_others(self) -> None:
        if (looked_at := self._looked_at) is None:
            self._others.show("", None)
            return
        _, tokens, at = looked_at
        choice = tokens.choices.get(at)
        place = f"token {at + 1:,} of {len(tokens.ids):,}"
        known = f"  {choice.probability:.1%}" if choice else f"  {UNKNOWN}"
        self._others.show(place + known, choice)

    @property
    def _looked_at(self) -> tuple[Row, Tokens, int] | None:
        """The token that is under the mouse, else under the cursor: its reply and its index."""
        if place := self._transcript.place:
            row, at = place
            tokens = self._transcript.tokens_of(row)
            if tokens and at < len(tokens.ids):
                return row, tokens, at
        return None

    @property
    def _tokens(self) -> Tokens | None:
        """Those of the selected reply, if it has any and the heat is on."""
        row = self._transcript.reply if self._transcript.heat else None
        tokens = self._transcript.tokens_of(row) if row else None
        return tokens if tokens and tokens.ids else None
