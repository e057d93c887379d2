"""The facts about a conversation's model that are stored, shown and exported. Knows no engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ModelFacts:
    """What the engine's model is: what a person calls it, its weights, a hash of its content.

    ``cache_size`` is the bytes of a full KV cache, 0 where that isn't known; ``tokenizer`` the file
    that the person named with the model and ``stated`` what they said of it besides, a text for
    whoever opens it again; each empty if nothing was. ``about`` says what the model can do and
    ``starters`` are messages to begin with, where somebody knows.
    """

    name: str
    fingerprint: str
    weights: str
    size: int
    cache_size: int = 0
    tokenizer: str = ""
    stated: str = ""
    about: str = ""
    starters: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """The model's name without its folder."""
        elsewhere = place_elsewhere(self.name)
        return Path((elsewhere and elsewhere[1]) or self.name).name

    @property
    def amount(self) -> str:
        """How its weights are kept and what they take; of a model elsewhere, where that is."""
        return f"{self.weights}, {self.size / 1e6:,.1f} MB" if self.size else self.weights


def name_elsewhere(url: str, model: str) -> str:
    """Name a model that an engine at a URL runs."""
    return f"{url}#{model}"


def place_elsewhere(name: str) -> tuple[str, str | None] | None:
    """Take the URL of an engine, and its model, out of a name; None if the model runs here."""
    if not name.startswith(("http://", "https://")):
        return None
    url, _, model = name.partition("#")
    return url, model or None
