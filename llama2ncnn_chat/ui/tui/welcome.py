"""What an empty conversation shows: which model this is, what it can do, keys to begin with.

Knows the chat as something to read.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from ...chat.chat import Chat
from .prompt import Offers
from .status import MUTED

KEYS = (("enter", "sends"), ("^j", "new line"), ("/", "commands"), ("f1", "help"))
ANOTHER = "a real model: choose one that is here, or have one fetched"


class Welcome(Static):
    """Stands in the middle; ``show_notes`` puts a few lines of what to know below it."""

    def __init__(self, chat: Chat) -> None:
        super().__init__(welcome(chat), id="welcome")
        self._chat = chat

    def show_notes(self, notes: Sequence[str]) -> None:
        """Show these notes, in place of those before."""
        self.update(welcome(self._chat, notes))
        self.set_class(bool(notes), "-noted")

    def offers(self) -> Offers:
        """Return what the keys that it shows write; none while it isn't shown itself."""
        return offers(self._chat.model.starters) if self.display else {}


def offers(starters: Sequence[str]) -> Offers:
    """Give each of the starters a key from 1 on, and the next one to another model."""
    if not starters:
        return {}
    return {str(n): text for n, text in enumerate((*starters, None), 1)}


def welcome(chat: Chat, notes: Sequence[str] = ()) -> Content:
    """Draw a few lines, to be centred."""
    model, length = chat.model, chat.view.context_length
    size = (f"{model.size / 1e6:,.1f} MB",) if model.size else ()  # of one elsewhere, nobody knows
    context = () if length is None else (f"{length:,} tokens of context",)
    facts = "  ·  ".join([model.weights, *size, *context])
    keys = [Content.assemble((key, "$accent"), (f" {what}", MUTED)) for key, what in KEYS]
    return Content("\n").join(
        [
            Content.styled(model.short, "bold $primary"),
            Content.styled(facts, MUTED),
            *((Content(f"\n{model.about}"),) if model.about else ()),
            Content(""),
            *_menu(offers(model.starters)),
            Content("    ").join(keys),
            *(Content.styled(f"\n{note}", MUTED) for note in notes),
        ]
    )


def _menu(offered: Offers) -> list[Content]:
    """Draw a line for each key, all as wide as the widest, that they stand below each other."""
    texts = {key: ANOTHER if text is None else text for key, text in offered.items()}
    width = max(map(len, texts.values()), default=0)
    lines = [
        Content.assemble((key, "$accent"), f"  {text:<{width}}") for key, text in texts.items()
    ]
    return [*lines, Content("")] if lines else []
