"""What a command or a key leads to: values that a face carries out, in the order they come.

Knows no face; what needs a terminal, a clipboard or an answer is only described here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ..events import Events
from ..model.engine import Cancelled
from ..storage.store import SessionInfo
from .chat_model import ListedModel


class Start(Protocol):
    """Begins a generation, which is the chat's until its events end or are closed.

    A refusal comes with the call or with the first event.
    """

    def __call__(self, *, cancelled: Cancelled) -> Events: ...


@dataclass(frozen=True)
class Say:
    """Plain text to show, lines and columns as they are; ``command`` is what was typed for it."""

    text: str
    command: str = ""


@dataclass(frozen=True)
class Done:
    """One line about what has been set or done; nothing that anybody would look up later."""

    text: str


@dataclass(frozen=True)
class Complain:
    """One line about what can't be done."""

    text: str


@dataclass(frozen=True)
class Generate:
    """Events to draw as they come; those of the kind "model" tell of opening one.

    If no turn comes of it, the message ``draft`` goes back to the prompt, to replace the turn (by
    its id) that it ``edits``.
    """

    start: Start
    kind: Literal["reply", "proceed", "replay", "weigh", "model"] = "reply"
    draft: str = ""
    edits: int | None = None


@dataclass(frozen=True)
class Ask:
    """A yes-or-no question; without an answer it is no."""

    question: str
    yes: Iterable[Outcome]
    no: Iterable[Outcome] = ()


@dataclass(frozen=True)
class Draft:
    """A text for the prompt; what is sent next replaces the turn (by its id) that it ``edits``,
    if any: a message, or a reply, which is gone on with."""

    text: str
    edits: int | None = None


@dataclass(frozen=True)
class Attach:
    """A file's text that goes with the next message, before what is typed.

    It has so many ``tokens``, if that is known.
    """

    name: str
    text: str
    tokens: int | None

    @property
    def about(self) -> str:
        """Its name, and how long it is."""
        return self.name if self.tokens is None else f"{self.name}, {self.tokens:,} tokens"


@dataclass(frozen=True)
class Copy:
    """Text for the clipboard; ``what`` names it."""

    text: str
    what: str


@dataclass(frozen=True)
class ShowTokens:
    """How likely each token of the last reply was, to see; or no more, where that stays in view."""


@dataclass(frozen=True)
class Moved:
    """Another path of the same session is the conversation now; ``turn``, by its id, is to be
    shown."""

    note: str
    turn: int | None = None


@dataclass(frozen=True)
class Switched:
    """Another session is open now."""

    note: str


@dataclass(frozen=True)
class PickSession:
    """Sessions to pick one from, to resume it."""

    sessions: tuple[SessionInfo, ...]


@dataclass(frozen=True)
class PickModel:
    """Models to pick one from, to go on with it."""

    models: Sequence[ListedModel]


@dataclass(frozen=True)
class SetTheme:
    """The colours of this name, the next ones, or (nothing) a list to pick from."""

    name: str


@dataclass(frozen=True)
class ClearScreen:
    """Empty the screen."""


@dataclass(frozen=True)
class Quit:
    """Leave the program."""


Outcome = (
    Say
    | Done
    | Complain
    | Generate
    | Ask
    | Draft
    | Attach
    | Copy
    | ShowTokens
    | Moved
    | Switched
    | PickSession
    | PickModel
    | SetTheme
    | ClearScreen
    | Quit
)
