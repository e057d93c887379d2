"""The place for the next message: prompt, suggestions above it, its files, what waits before it.

Posts what was submitted and that the draft has changed; knows no session.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import OptionList, Static, TextArea

from ...chat import line, phrases
from ...chat.completion import Suggestion
from ...chat.outcomes import Attach
from ...errors import ChatError
from ..editor import edit_text
from ..history import History
from .keys import key
from .prompt import Offers, Prompt
from .questions import Pick, one_line
from .queue import Queue
from .suggestion_list import SuggestionList

_key = partial(key, "composer", first=True)
CHANGED_AFTER = 0.12
"""Seconds without a key: counting a draft's tokens may take as long as a key does."""


class Composer(Vertical):
    """``suggest`` says what a line may become, ``offers`` what keys send while there is none.
    ``editing`` is the turn (by its id) that will be replaced: a message or a reply."""

    BINDINGS: ClassVar[list[BindingType]] = [
        _key("ctrl+g", "compose_outside", "Editor", "Write the message in $EDITOR"),
        _key("ctrl+r", "search_history", "History", "Find what was sent before"),
    ]

    class Submitted(Message):
        """A line was submitted: ``mark_sent`` or ``restore_draft`` is to be called with it."""

        def __init__(self, line: line.Line) -> None:
            self.line = line
            super().__init__()

    class Failed(Message):
        """Something about the draft couldn't be done."""

        def __init__(self, text: str) -> None:
            self.text = text
            super().__init__()

    class Changed(Message):
        """The draft is another one; unless ``typing``, it hasn't been changed for a moment."""

        def __init__(self, *, typing: bool) -> None:
            self.typing = typing
            super().__init__()

    def __init__(
        self,
        suggest: Callable[[str], Sequence[Suggestion]],
        offers: Callable[[], Offers],
        history: History,
        *,
        vi: bool = False,
    ) -> None:
        super().__init__(id="composer")
        self._suggest, self._offers = suggest, offers
        self._history, self._vi = history, vi
        self._attached: list[Attach] = []
        self._aside = self._words = self._begun = ""
        self._changing: Timer | None = None
        self.editing: int | None = None
        self.queue = Queue()

    def compose(self) -> ComposeResult:
        yield self.queue
        yield SuggestionList()
        yield Static(id="about")
        yield self._new_prompt()

    def on_mount(self) -> None:
        self._draw_about()

    @property
    def prompt(self) -> Prompt:
        """The prompt in it."""
        return self.query_one(Prompt)

    @property
    def unsent(self) -> str:
        """All that is typed: what waits, the draft, and below it one that was put aside for it."""
        texts = (self.queue.unsent, self.prompt.whole, self._aside)
        return "\n\n".join(filter(None, texts))

    @property
    def draft(self) -> line.Line:
        """What would be sent, without the files that go with it."""
        return self.prompt.line

    @property
    def begun(self) -> line.Message:
        """What is being typed of a message, as far as it goes, with the files that go with it."""
        return self.with_attached(line.begun(self.prompt.whole, self.prompt.verbatim))

    def clear(self) -> None:
        """Empty the draft, which the history has then, and detach all that goes with it."""
        self.prompt.clear_text()
        self.detach_all()

    def set_draft(self, text: str, *, folds: bool = True) -> None:
        """Replace the draft, which the history has then, and give the prompt the keys."""
        self.prompt.clear_text()
        self.prompt.replace_text(text, folds=folds)
        self.prompt.focus()

    def with_attached(self, message: line.Message) -> line.Message:
        """Return a message with the files that go before it."""
        texts = [each.text for each in self._attached]
        whole = "\n\n".join([*texts, message.text])
        return line.Message(whole, (*texts, *message.verbatim))

    def attach(self, attached: Attach) -> None:
        """Have a file go with the next message."""
        self.prompt.fold_file(attached)
        self._attached.append(attached)
        self._draw_about()

    def edit(self, turn: int | None, text: str) -> None:
        """Show a message that will replace the turn; the draft before it is kept until then."""
        if self.editing is None:
            self._aside = self.prompt.whole
            self.prompt.replace_text("")
        self.editing = turn
        self.set_draft(str(line.Message(text)), folds=turn is None)
        self._draw_about()

    def show_words(self, words: str | None) -> None:
        """Show what the next reply will begin with, if it was told."""
        if self._words != (words or ""):
            self._words = words or ""
            self._draw_about()

    def mark_sent(self, sent: line.Line) -> None:
        """Remember a line that was sent; after a message, nothing is attached any more."""
        self._history.add(str(sent))
        if isinstance(sent, line.Message):
            self.detach_all()

    def restore_draft(self, sent: line.Line, edits: int | None = None) -> None:
        """Show again a line that is refused or came to nothing; it was to replace ``edits``."""
        if edits is not None:
            self.editing = edits
            self._draw_about()
        self.prompt.prepend_text(str(sent), folds=self.editing is None)

    def take_all_back(self) -> None:
        """Show all that waits again, above what is typed."""
        if waiting := self.queue.take_all_back():
            self.prompt.prepend_text(waiting)

    def detach_all(self) -> None:
        """Detach all files, and replace no turn; a draft that was kept meanwhile is back."""
        if self.editing is not None and self._aside:
            self.set_draft(self._aside)
        self.editing, self._aside = None, ""
        self._attached.clear()
        self._draw_about()

    def close_topmost(self) -> bool:
        """Close the suggestions, else leave the edit and the files, else take back what waits last.

        Returns whether there was any of it.
        """
        if self.prompt.suggesting:
            self._show_suggestions([])
        elif self.editing is not None or self._attached:
            if self.editing is not None:
                self.prompt.clear_text()
            self.detach_all()
        elif not self.prompt.text and (waiting := self.queue.take_back()):
            self.set_draft(waiting)
        else:
            return False
        return True

    def action_compose_outside(self) -> None:
        """Edit the draft in the person's own editor."""
        try:
            with self.app.suspend():
                text = edit_text(self.prompt.whole)
        except SuspendNotSupported:
            self.post_message(self.Failed("there is no terminal to give to an editor"))
        except ChatError as e:
            self.post_message(self.Failed(phrases.sentence(e)))
        else:
            self.prompt.replace_text(text)
            self.prompt.focus()

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Return False for the key of vi that is the prompt's own."""
        asked = action == "search_history" and self._vi and bool(self.query(Prompt))
        return not (asked and self.prompt.redoes)

    @work
    async def action_search_history(self) -> None:
        """Let the person pick a line that was sent before."""
        screen = Pick("What you sent", self._history.search, one_line)
        found = await self.app.push_screen_wait(screen)
        if found is not None:
            self.set_draft(found)

    @on(TextArea.Changed)
    def _draft_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(typing=True))
        self._begun = self.prompt.before_cursor
        self._show_suggestions(self._suggest(self._begun))
        if self._changing:
            self._changing.stop()
        self._changing = self.set_timer(CHANGED_AFTER, self._tell_change)

    def _tell_change(self) -> None:
        self.post_message(self.Changed(typing=False))

    @on(Prompt.HighlightMoved)
    def _highlight_moved(self, message: Prompt.HighlightMoved) -> None:
        message.stop()
        self.query_one(SuggestionList).move_highlight(message.step)

    @on(Prompt.Completed)
    def _completed(self, message: Prompt.Completed) -> None:
        message.stop()
        self._accept_suggestion(sends=message.sends)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._accept_suggestion(sends=False)
        self.prompt.focus()

    @on(Prompt.Submitted)
    def _submitted(self, message: Prompt.Submitted) -> None:
        message.stop()
        self.post_message(self.Submitted(message.line))

    def _accept_suggestion(self, *, sends: bool) -> None:
        current = self.query_one(SuggestionList).current
        if current is None:
            return
        written = current.text.strip() == self._begun.strip()
        self.prompt.complete(self._begun, current.text)
        # A command that may have an argument waits for it, unless it was written out already.
        if sends and (written or not current.text.endswith((" ", "/"))):
            self.prompt.submit()

    def _new_prompt(self) -> Prompt:
        if not self._vi:
            return Prompt(self._history, self._offers, self.queue.take_back)
        from .vi_prompt import ViPrompt  # with a library that nobody else waits for

        return ViPrompt(self._history, self._offers, self.queue.take_back)

    def _show_suggestions(self, suggestions: Sequence[Suggestion]) -> None:
        self.query_one(SuggestionList).show(suggestions)
        self.prompt.suggesting = bool(suggestions)

    def _draw_about(self) -> None:
        parts = [f"◆ {each.about}" for each in self._attached]
        if self.editing is not None:
            parts.insert(0, "✎ editing  (esc leaves it as it was)")
        if self._words:
            words = phrases.brief(self._words, 40)
            parts.append(f'↳ the reply begins: {words}  (/begin "" takes it back)')
        about = self.query_one("#about", Static)
        about.update(Content("   ".join(parts)))
        about.display = bool(parts)
        self.set_class(self.editing is not None, "-editing")
