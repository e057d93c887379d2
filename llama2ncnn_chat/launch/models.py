"""The models that a running chat can go on with: lists them, and finds one by what it is called.

Knows the options that the program was started with; opens nothing and draws nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from convert.stated import NOTHING_STATED, stated_of

from ..catalogue.listing import ListedModel, NamedWith, models_at_hand, models_to_fetch
from ..chat.chat_model import ChatModel
from ..chat.model_facts import place_elsewhere
from ..errors import ChatError
from ..events import Step
from ..paths import from_text, is_there, path_of
from ..remote.address import address_of
from ..storage.store import SessionInfo, Store
from ..text.templates.template import Template
from .conversion import CONVERSION
from .options import Options
from .prepare import prepare


class KnownModels:
    """Implements ``Models``. With a ``store``, those of its sessions come first."""

    def __init__(self, options: Options, store: Store | None) -> None:
        self._options, self._store = options, store
        self._listed: Sequence[ListedModel] | None = None

    def at_hand(self) -> Sequence[ListedModel]:
        """Look which there are to choose from; last come those that would be fetched first."""
        self._listed = list_models(self._store)
        return self._listed

    def listed(self) -> Sequence[ListedModel]:
        """Return those that there were when somebody looked last."""
        return self.at_hand() if self._listed is None else self._listed

    def find(self, name: str, template: Template | None, step: Step) -> ChatModel:
        """Find the model of that name; see ``Models``. Nothing that was said of another counts."""
        unsaid: dict[str, Any] = {option.name: option.default for option in CONVERSION}
        settings = replace(self._options.settings, template=template)
        options = replace(self._options, model=name, settings=settings, engine=None, **unsaid)
        if elsewhere := place_elsewhere(name):
            options = with_engine(options, *elsewhere)
            if not _is_at(self._options.engine, elsewhere[0]):  # what was said of one host alone
                options = replace(
                    options, engine_key_env=None, engine_key_file=None, insecure=False
                )
        elif listed := self._find_listed(name):
            options = with_picked(options, listed)
        elif name.startswith("~"):
            options = replace(options, model=str(path_of(name)))
        return prepare(options, step)

    def _find_listed(self, name: str) -> ListedModel | None:
        """Find one among those at hand: by what opens it, else by its name if no file has that."""
        listed, path = self.at_hand(), path_of(name)
        for wanted in (name, str(path.resolve())):
            if found := next((each for each in listed if each.model == wanted), None):
                return found
        by_name = (each for each in listed if each.name == name and not is_there(path))
        return next(by_name, None)


def list_models(store: Store | None) -> list[ListedModel]:
    """List the models to choose from, those of stored sessions first, if they can be read.

    Last come those that would be fetched first.
    """
    recent: dict[str, NamedWith] = {}
    with suppress(ChatError):  # what is wrong with the sessions, opening one will tell
        for info in store.list(one_shots=True) if store else ():
            if info.model:
                recent.setdefault(from_text(info.model), named_with(info))
    at_hand = models_at_hand(recent)
    return [*at_hand, *models_to_fetch(at_hand)]


def with_picked(options: Options, picked: ListedModel) -> Options:
    """Name the model that was picked, with what was named with it before and nothing else."""
    theirs: dict[str, Any] = {"tokenizer": None, **asdict(NOTHING_STATED)}
    return replace(options, model=picked.model, **theirs | picked.named.options)


def with_engine(options: Options, url: str, model: str | None) -> Options:
    """Name an engine elsewhere and one of its models, whose own files nobody has named."""
    given = options.given - {"model"}
    return replace(options, engine=url, engine_model=model, given=given)


def _is_at(engine: str | None, url: str) -> bool:
    """Tell whether an engine, as it was typed, is the one at a URL."""
    if engine is None:
        return False
    return address_of(engine, insecure=True).url == address_of(url, insecure=True).url


def named_with(session: SessionInfo) -> NamedWith:
    """Return what was named with the model of a session."""
    return NamedWith(from_text(session.tokenizer), stated_of(session.stated))
