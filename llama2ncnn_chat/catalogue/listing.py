"""Lists the models there are to pick from: used lately, in this folder, converted before, bundled.

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

from convert.errors import ConvertError
from convert.inspect import human_bytes, inspect

from .find import DEMO, DEMO_CHECKPOINT, cached_models


@dataclass(frozen=True)
class ListedModel:
    """``model`` is what ``find_model`` takes; ``where`` says how it came into the list.

    ``format`` is that of its weights as they are on disk, ``size`` their bytes; ``tokenizer`` the
    file that was named with it when it was used lately, or empty.
    """

    model: str
    name: str
    format: str
    size: int
    where: str
    tokenizer: str = ""

    @property
    def about(self) -> str:
        """All but its name, for a person."""
        return f"{self.format}  ·  {human_bytes(self.size)}  ·  {self.where}"

    def matches(self, words: str) -> bool:
        """Tell whether each of the words stands somewhere in its line."""
        line = f"{self.model} {self.name} {self.about}".casefold()
        return all(word in line for word in words.casefold().split())


def models_at_hand(
    recent: Mapping[str, str] = MappingProxyType({}), folder: Path = Path()
) -> list[ListedModel]:
    """List each model once: first those of ``recent``, at last the bundled one.

    ``recent`` has models that were used lately, and the tokenizer that was named with each.
    """
    cached = {stem.resolve(): source for stem, source in cached_models()}
    found: dict[Path, ListedModel] = {}
    for path, where in chain(_recent(recent), _in_folder(folder), _converted(cached)):
        # What can't be read now would only be an error when it is picked.
        with suppress(ConvertError, OSError):
            report = inspect(path)
            place = Path(report.path).resolve()
            name = _name(place, cached)
            tokenizer = recent.get(str(path), "")
            listed = ListedModel(str(place), name, report.format, report.size, where, tokenizer)
            found.setdefault(place, listed)
    return [*found.values(), *_bundled()]


Cached = Mapping[Path, Path | None]


def _recent(models: Iterable[str]) -> Iterator[tuple[Path, str]]:
    for model in models:
        if model != DEMO:
            yield Path(model), "used lately"


def _in_folder(folder: Path) -> Iterator[tuple[Path, str]]:
    for pattern in ("*.desc", "*.bin"):
        for path in sorted(folder.glob(pattern)):
            yield path, "here"


def _converted(cached: Cached) -> Iterator[tuple[Path, str]]:
    """Give the checkpoints rather than what they became: a person knows them by those names."""
    for stem, source in cached.items():
        if source != DEMO_CHECKPOINT.resolve():
            yield source if source and source.exists() else stem, "converted before"


def _name(place: Path, cached: Cached) -> str:
    if place not in cached:
        return place.name
    source = cached[place]
    return source.name if source else place.parent.name


def _bundled() -> Iterator[ListedModel]:
    with suppress(ConvertError, OSError):
        report = inspect(DEMO_CHECKPOINT)
        yield ListedModel(DEMO, DEMO, report.format, report.size, "bundled")
