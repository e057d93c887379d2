"""The command about the model: which one is open, and another to go on with. Yields outcomes.

Knows the chat that is open; neither draws nor parses a command line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from ..chat import Chat
from ..chat_model import ListedModel
from ..model_facts import ModelFacts
from ..outcomes import Generate, Outcome, PickModel, Say
from ..switching import open_model


def model(chat: Chat, name: str) -> Iterator[Outcome]:
    """Go on with another model, or have one picked of those at hand."""
    if name:
        yield Generate(partial(open_model, chat, name), "model")
    elif chat.models:
        yield PickModel(chat.models.at_hand())
    else:
        yield Say(open_one(chat.model))


def open_one(facts: ModelFacts) -> str:
    """Say which model is open."""
    return f"{facts.short} is open ({facts.amount})"


def table_of(models: Sequence[ListedModel]) -> str:
    """List models, a line each."""
    width = max((len(each.name) for each in models), default=0)
    return "\n".join(f"{each.name:<{width}}  {each.about}" for each in models)
