"""Asks whether a library that the program stands on has a known hole; run by ``make check``.

    python -m tests.audit

Where the database of advisories can't be reached it says so, and that is no failure.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = "llama2ncnn-chat"
COMMAND = ("-m", "pip_audit", "--local", "--progress-spinner", "off", "--format", "json")
PATIENCE = 60.0
EXTRAS = ({"extra": ""}, {"extra": "schema"})
"""Without an optional part, and with ours."""


def stands_on(name: str, known: set[str]) -> None:
    """Add all that a distribution needs here, by its canonical name."""
    try:
        needed = requires(name) or []
    except PackageNotFoundError:  # not needed on this system
        return
    for requirement in map(Requirement, needed):
        if requirement.marker is None or any(map(requirement.marker.evaluate, EXTRAS)):
            other = canonicalize_name(requirement.name)
            if other not in known:
                known.add(other)
                stands_on(other, known)


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
    libraries, answers = set[str](), audited()
    stands_on(PROJECT, libraries)
    if not answers:
        print("audit: skipped, no database of advisories answers")
        return 0
    ours = [each for each in answers if canonicalize_name(each["name"]) in libraries]
    holes = [(each, hole) for each in ours for hole in each["vulns"]]
    for each, hole in holes:
        print(f"{each['name']} {each['version']}: {hole['id']}, mended in {hole['fix_versions']}")
    print(f"audit: {len(ours)} libraries, {len(holes)} advisories")
    return 1 if holes else 0


if __name__ == "__main__":
    sys.exit(main())
