"""Asks whether a library that the program stands on has a known hole; run by ``make check``.

    python -m tests.audit

Where the database of advisories can't be reached it says so, and that is no failure.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.lowest import stated

COMMAND = ("-m", "pip_audit", "--local", "--progress-spinner", "off", "--format", "json")
PATIENCE = 60.0


def libraries(wanted: Iterable[Requirement], known: set[str]) -> set[str]:
    """Add to ``known`` all that is wanted, and what that needs here, by their canonical names."""
    for requirement in wanted:
        name = canonicalize_name(requirement.name)
        if name not in known:
            known.add(name)
            libraries(_needed_by(name, {"", *requirement.extras}), known)
    return known


def _needed_by(name: str, parts: set[str]) -> list[Requirement]:
    try:
        needed = list(map(Requirement, requires(name) or []))
    except PackageNotFoundError:  # not needed on this system
        return []
    return [
        r for r in needed if not r.marker or any(r.marker.evaluate({"extra": p}) for p in parts)
    ]


def audited() -> list[dict[str, Any]]:
    """Ask for every library of this environment; nothing of those that nothing is known of."""
    try:
        command = [sys.executable, *COMMAND]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        found = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError):
        return []
    return [each for each in found if "vulns" in each]


def main() -> int:
    """Print the advisories on what the program stands on; returns how many there are, 1 at most."""
    answers = audited()
    if not answers:
        print("audit: skipped, no database of advisories answers")
        return 0
    names = libraries(stated(), set())
    ours = [each for each in answers if canonicalize_name(each["name"]) in names]
    holes = [(each, hole) for each in ours for hole in each["vulns"]]
    for each, hole in holes:
        print(f"{each['name']} {each['version']}: {hole['id']}, mended in {hole['fix_versions']}")
    print(f"audit: {len(ours)} libraries, {len(holes)} advisories")
    return 1 if holes else 0


if __name__ == "__main__":
    sys.exit(main())
