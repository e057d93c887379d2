"""Tells pip the oldest versions that ``pyproject.toml`` allows: prints constraints, a line each."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def stated() -> Iterator[Requirement]:
    """Yield what the program depends on here, optional parts too."""
    project: dict[str, Any] = tomllib.loads(PROJECT.read_text())["project"]
    for part in [project["dependencies"], *project["optional-dependencies"].values()]:
        for requirement in map(Requirement, part):
            if requirement.marker is None or requirement.marker.evaluate():
                yield requirement


def oldest(requirements: Iterable[Requirement]) -> Iterator[str]:
    """Yield ``name==version`` of the oldest that each allows."""
    for requirement in requirements:
        for each in requirement.specifier:
            if each.operator == ">=":
                yield f"{requirement.name}=={each.version}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in oldest(stated()))
