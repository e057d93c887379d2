"""The list of models to pick one from. Draws what it is given; finds and opens none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from .questions import Pick
from .status import MUTED

if TYPE_CHECKING:
    from ...catalogue.listing import ListedModel

Models = Callable[[], Sequence["ListedModel"]]


def model_picker(models: Sequence[ListedModel]) -> Pick[ListedModel]:
    """Return the screen on which to pick one of the models."""
    return Pick("Models", lambda words: [m for m in models if m.matches(words)], _lines)


def _lines(model: ListedModel) -> Content:
    folder = "" if model.model == model.name else f"   {_short(Path(model.model).parent)}"
    good_for = f"\n  {model.good_for}" if model.good_for else ""
    return Content.assemble(
        (model.name, "bold"),
        (f"{folder}\n  {model.about}{good_for}", MUTED),
    )


def _short(folder: Path) -> str:
    """Write a folder as a shell would show it."""
    home = Path.home()
    return str(Path("~", folder.relative_to(home)) if folder.is_relative_to(home) else folder)
