"""What a conversation asks of a chat template: from a message to the ids that the model sees.

It knows no turns and no cache, and not how a template is written down.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Protocol

from ...errors import ChatError
from ..vocabulary import Vocabulary


class RefusedError(ChatError):
    """What a template says against a conversation, in its own words; nothing has been changed."""

    def __init__(self, reason: str) -> None:
        """Take what the template says."""
        super().__init__(
            f"the model's template refuses this: {reason}", "another template may take it"
        )
        self.reason = reason


class Template(Protocol):
    """How turns are rendered. Two that say the same are equal."""

    @property
    def name(self) -> str:
        """Return what a person calls it."""

    @property
    def stops(self) -> tuple[str, ...]:
        """Return the texts that end a reply, besides the vocabulary's ends."""

    @property
    def ends(self) -> tuple[str, ...]:
        """Return the names of control tokens that end a reply, besides the vocabulary's ends."""

    def first(self, vocabulary: Vocabulary, text: str, system: str) -> list[int]:
        """Return the ids of the message that begins a conversation.

        They have the system prompt in them, if ``system`` isn't empty.
        """

    def next(self, vocabulary: Vocabulary, text: str) -> list[int]:
        """Return the ids of any later message."""

    def close(self, vocabulary: Vocabulary) -> list[int]:
        """Return the ids between a reply and the next message."""

    def first_opening(self, vocabulary: Vocabulary, system: str) -> list[int]:
        """Return the ids before the text of a first message.

        They are what stays when the oldest turns are dropped.
        """

    def next_opening(self, vocabulary: Vocabulary) -> list[int]:
        """Return the ids before the text of any later message."""

    def to_dict(self) -> dict[str, Any]:
        """Return all that it says, name included, in the types that JSON has.

        ``template_from`` makes an equal template of it.
        """


def fields_of(template: Any) -> dict[str, Any]:
    """Return what the fields of a template's dataclass say, in the types that JSON has."""
    return {field.name: _plain(getattr(template, field.name)) for field in fields(template)}


def _plain(value: Any) -> Any:
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
