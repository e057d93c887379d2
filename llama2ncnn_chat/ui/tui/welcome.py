"""What an empty conversation shows: which model this is, and the keys to begin with.

Knows the chat as something to read.
"""

from __future__ import annotations

from textual.content import Content

from ...chat.chat import Chat
from ..terminal import printable
from .status import MUTED

KEYS = (("enter", "sends"), ("ctrl+j", "new line"), ("/", "commands"), ("f1", "help"))


def welcome(chat: Chat) -> Content:
    """Draw a few lines, to be centred."""
    model, length = chat.model, chat.view.context_length
    facts = f"{model.weights}  ·  {model.size / 1e6:,.1f} MB  ·  {length:,} tokens of context"
    keys = [Content.assemble((key, "$accent"), (f" {what}", MUTED)) for key, what in KEYS]
    return Content("\n").join(
        [
            Content.styled(printable(model.short), "bold $primary"),
            Content.styled(facts, MUTED),
            Content(""),
            Content("    ").join(keys),
        ]
    )
