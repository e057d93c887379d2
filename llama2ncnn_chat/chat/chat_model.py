"""A model as a chat takes it up, and who finds one by the name that a person gives it.

Knows no files: who finds them, ``launch`` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..events import Step
from ..generation.completer import Completer
from ..text.templates.template import Template
from ..text.vocabulary import Vocabulary
from .model_facts import ModelFacts


@dataclass(frozen=True)
class ChatModel:
    """All that a chat takes of a model but what computes with it, which ``load`` gets ready.

    ``sampling`` is the model's own, by the names of settings. ``notes`` are to be told whenever it
    is opened, ``first_notes`` where nobody has been told yet. Unless it ``keeps_cache``, what it
    has read is of no use in a later run; unless it ``counts_drafts``, ids take too long for a key.
    """

    facts: ModelFacts
    vocabulary: Vocabulary
    template: Template
    context_length: int
    load: Callable[[Step], Completer]
    sampling: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    first_notes: tuple[str, ...] = ()
    keeps_cache: bool = True
    counts_drafts: bool = True


class ListedModel(Protocol):
    """A model to choose: ``model`` is what ``find`` takes, ``name`` and ``about`` are to show."""

    @property
    def model(self) -> str:
        """What opens it from anywhere."""

    @property
    def name(self) -> str:
        """What a person calls it."""

    @property
    def about(self) -> str:
        """All but its name, in a line."""


class Models(Protocol):
    """The models that there are."""

    def at_hand(self) -> Sequence[ListedModel]:
        """Look which there are to choose from."""

    def listed(self) -> Sequence[ListedModel]:
        """Return those that there were when somebody looked last."""

    def find(self, name: str, template: Template | None, step: Step) -> ChatModel:
        """Find the model of that name, and convert it if it has to be; a template goes before its
        own. ``step`` is told of progress. Raises ``ChatError``."""
