"""Lists the models to choose from: used lately, here, converted before, fetched, bundled.

Reads headers and descriptions alone; opens and converts nothing. What isn't a model, or isn't there
any more, is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

from convert.choosing import default_weights
from convert.errors import ConvertError
from convert.hub.cache import hub_models
from convert.inspect import glance, human_bytes
from convert.stated import NOTHING_STATED, Stated

from .bundled import DEMO, DEMO_CHECKPOINT
from .cached import CachedModel, cached_models
from .good_models import GOOD_MODELS, GoodModel

UNKNOWN = "of a kind that isn't known here"


@dataclass(frozen=True)
class NamedWith:
    """What a person named with a model: a tokenizer's file, or nothing, and what they stated."""

    tokenizer: str = ""
    stated: Stated = NOTHING_STATED

    @property
    def options(self) -> dict[str, Any]:
        """Return what was named, by the names of the options that name it again."""
        tokenizer = {"tokenizer": Path(self.tokenizer)} if self.tokenizer else {}
        return {**tokenizer, **self.stated.values}


NOTHING_NAMED = NamedWith()


@dataclass(frozen=True)
class ListedModel:
    """``model`` is what ``find_model`` takes; ``where`` says how it came into the list.

    ``format`` is that of its weights as they are on disk, ``size`` their bytes; ``named`` is
    what was named with it when it was used lately; ``good_for`` is known of those to fetch, whose
    format and size are what they would become.
    """

    model: str
    name: str
    format: str
    size: int
    where: str
    named: NamedWith = NOTHING_NAMED
    good_for: str = ""

    @property
    def about(self) -> str:
        """All but its name, for a person."""
        return f"{self.format}  ·  {human_bytes(self.size)}  ·  {self.where}"

    def matches(self, words: str) -> bool:
        """Tell whether each of the words stands somewhere in its line."""
        line = f"{self.model} {self.name} {self.about} {self.good_for}".casefold()
        return all(word in line for word in words.casefold().split())


@dataclass(frozen=True)
class Candidate:
    """What may be a model: what names it (its own place, if empty), where it lies, and why."""

    model: str
    path: Path
    where: str


def models_at_hand(
    recent: Mapping[str, NamedWith] = MappingProxyType({}), folder: Path = Path()
) -> list[ListedModel]:
    """List each model once: first those of ``recent``, at last the bundled one.

    ``recent`` has models that were used lately, and what was named with each.
    """
    cached = {model.stem.resolve(): model for model in cached_models()}
    hub = {str(model.name): model.path for model in hub_models()}
    found: dict[Path, ListedModel] = {}
    for each in chain(
        _recent(recent, hub), _in_folder(folder), _converted(cached.values(), hub), _in_hub(hub)
    ):
        # What can't be read now would only be an error when it is picked.
        with suppress(ConvertError, OSError):
            report = glance(each.path)
            place = Path(report.path).resolve()
            model = each.model or str(place)
            name = each.model or (cached[place].name if place in cached else place.name)
            named = recent.get(model, recent.get(str(each.path), NOTHING_NAMED))
            listed = ListedModel(model, name, report.format, report.size, each.where, named)
            found.setdefault(place, listed)
    return [*found.values(), *_bundled()]


def models_to_fetch(at_hand: Iterable[ListedModel]) -> list[ListedModel]:
    """List the good first models that aren't among those at hand, with their sizes as converted."""
    there = {model.name for model in at_hand}
    return [_to_fetch(model) for model in GOOD_MODELS if model.model not in there]


@dataclass(frozen=True)
class Inventory:
    """All models there are, by where they are; those ``to_fetch`` are data about good ones."""

    converted: list[ListedModel]
    here: list[ListedModel]
    hub: list[ListedModel]
    bundled: list[ListedModel]
    to_fetch: list[GoodModel]


def inventory(folder: Path = Path()) -> Inventory:
    """List every model once for every place that it is in."""
    cached, hub = cached_models(), hub_models()
    conversions = [(model, _format(model.stem) or "unreadable") for model in cached]
    return Inventory(
        [ListedModel(str(m.stem), m.name, form, m.size, m.key) for m, form in conversions],
        list(_models_in(folder)),
        [
            ListedModel(str(m.name), str(m.name), _format(m.path) or UNKNOWN, m.size, str(m.path))
            for m in hub
        ],
        list(_bundled()),
        [model for model in GOOD_MODELS if model.model not in {str(m.name) for m in hub}],
    )


def _models_in(folder: Path) -> Iterator[ListedModel]:
    seen = set()
    for each in _in_folder(folder):
        with suppress(ConvertError, OSError):
            report = glance(each.path)
            place = Path(report.path).resolve()
            if place not in seen:
                yield ListedModel(
                    str(place), place.name, report.format, report.size, str(place.parent)
                )
            seen.add(place)


def _format(path: Path) -> str:
    """Say how a model's weights are kept; empty for one that can't be opened."""
    with suppress(ConvertError, OSError):
        return glance(path).format
    return ""


Hub = Mapping[str, Path]


def _recent(models: Iterable[str], hub: Hub) -> Iterator[Candidate]:
    for model in models:
        if model in hub:
            yield Candidate(model, hub[model], "used lately")
        elif model != DEMO:
            yield Candidate("", Path(model), "used lately")


def _in_folder(folder: Path) -> Iterator[Candidate]:
    for pattern in ("*.desc", "*.bin", "*.gguf"):
        for path in sorted(folder.glob(pattern)):
            yield Candidate("", path, "here")
    for name in ("config.json", "params.json"):
        for path in sorted(folder.glob(f"*/{name}")):
            yield Candidate("", path.parent, "here")


def _converted(cached: Iterable[CachedModel], hub: Hub) -> Iterator[Candidate]:
    """Give the checkpoints rather than what they became: a person knows them by those names."""
    for model in cached:
        origin = model.origin
        if origin is None or not origin.is_there:
            yield Candidate("", model.stem, "converted before")
        elif origin.model in hub:
            yield Candidate(origin.model, hub[origin.model], "converted before")
        elif origin.model not in (DEMO, str(DEMO_CHECKPOINT.resolve())):
            yield Candidate("", Path(origin.model), "converted before")


def _in_hub(hub: Hub) -> Iterator[Candidate]:
    for model, path in hub.items():
        yield Candidate(model, path, "in the Hub's cache")


def _bundled() -> Iterator[ListedModel]:
    with suppress(ConvertError, OSError):
        report = glance(DEMO_CHECKPOINT)
        yield ListedModel(DEMO, DEMO, report.format, report.size, "bundled")


def _to_fetch(model: GoodModel) -> ListedModel:
    weights = default_weights(model.shape)
    about = f"{human_count(model.parameters)} weights as {weights}, {model.licence}"
    size = model.memory(weights)
    return ListedModel(model.model, model.model, about, size, "to fetch", good_for=model.good_for)


def human_count(n: int) -> str:
    """Write a number of parameters as people do: ``135 M``, ``1.1 B``."""
    return f"{n / 1e6:.0f} M" if n < 999.5e6 else f"{n / 1e9:.2g} B"
