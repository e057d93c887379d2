"""What a conversation asks of a chat template: from a message to the ids that the model sees.

It knows no turns and no cache, and not how a template is written down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Protocol, TypeAlias, runtime_checkable

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


class _Named(Protocol):
    """What both kinds of templates tell of themselves. Two that say the same are equal."""

    @property
    def name(self) -> str:
        """Return what a person calls it."""

    @property
    def stops(self) -> tuple[str, ...]:
        """Return the texts that end a reply, besides the vocabulary's ends."""

    @property
    def ends(self) -> tuple[str, ...]:
        """Return the names of control tokens that end a reply, besides the vocabulary's ends."""

    def to_dict(self) -> dict[str, Any]:
        """Return all that it says, name included, in the types that JSON has.

        ``template_from`` makes an equal template of it.
        """


class TurnByTurn(_Named, Protocol):
    """A template under which a message's ids don't depend on what other turns say."""

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


class Said(Protocol):
    """A turn, as far as a template looks at it."""

    @property
    def role(self) -> str:
        """Return "user" or "assistant"."""

    @property
    def text(self) -> str:
        """Return what was typed, or what was answered."""

    @property
    def ids(self) -> Sequence[int]:
        """Return a reply's ids; a message's don't matter."""


@runtime_checkable
class AsAWhole(_Named, Protocol):
    """A template that may say a turn otherwise once others follow it."""

    def whole(self, vocabulary: Vocabulary, turns: Sequence[Said], system: str) -> list[int]:
        """Return the ids of a conversation, up to where the next reply begins or goes on.

        A reply at its end stands there as it was generated. Raises ``RefusedError`` for what the
        template refuses, and ``TemplateError``.
        """


Template: TypeAlias = TurnByTurn | AsAWhole
"""How a conversation is rendered: turn by turn, or, where that can't be, as a whole."""


def fields_of(template: Any) -> dict[str, Any]:
    """Return what the fields of a template's dataclass say, in the types that JSON has."""
    return {field.name: _plain(getattr(template, field.name)) for field in fields(template)}


def _plain(value: Any) -> Any:
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
