"""Tells pip the oldest versions that ``pyproject.toml`` allows: prints constraints, a line each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def oldest(project: dict[str, Any]) -> Iterator[str]:
    """Yield ``name==version`` for what the program depends on, optional parts too."""
    for requirement in map(Requirement, _all(project["project"])):
        least = [each.version for each in requirement.specifier if each.operator == ">="]
        if least and (requirement.marker is None or requirement.marker.evaluate()):
            yield f"{requirement.name}=={least[0]}"


def _all(project: dict[str, Any]) -> Iterator[str]:
    yield from project["dependencies"]
    for part in project["optional-dependencies"].values():
        yield from part


if __name__ == "__main__":
    with PROJECT.open("rb") as file:
        sys.stdout.writelines(f"{line}\n" for line in oldest(tomllib.load(file)))
