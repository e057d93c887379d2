"""What an empty conversation shows: which model this is, what to know, and the keys to begin with.

Knows the chat as something to read.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from ...chat.chat import Chat
from .status import MUTED

KEYS = (("enter", "sends"), ("ctrl+j", "new line"), ("/", "commands"), ("f1", "help"))


class Welcome(Static):
    """Stands in the middle; ``show_notes`` puts a few lines of what to know below it."""

    def __init__(self, chat: Chat) -> None:
        super().__init__(welcome(chat), id="welcome")
        self._chat = chat

    def show_notes(self, notes: Sequence[str]) -> None:
        """Show these notes, in place of those before."""
        self.update(welcome(self._chat, notes))


def welcome(chat: Chat, notes: Sequence[str] = ()) -> Content:
    """Draw a few lines, to be centred."""
    model, length = chat.model, chat.view.context_length
    facts = f"{model.weights}  ·  {model.size / 1e6:,.1f} MB  ·  {length:,} tokens of context"
    keys = [Content.assemble((key, "$accent"), (f" {what}", MUTED)) for key, what in KEYS]
    return Content("\n").join(
        [
            Content.styled(model.short, "bold $primary"),
            Content.styled(facts, MUTED),
            Content(""),
            Content("    ").join(keys),
            *(Content.styled(f"\n{note}", MUTED) for note in notes),
        ]
    )
