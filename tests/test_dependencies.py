"""What the program stands on: bounds of versions, and holes that are known in them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.lowest import oldest, stated

ROOT = Path(__file__).resolve().parents[1]
CI, GOALS = ROOT / ".ci" / "run", ["check", "check-oldest"]
RELIED_ON = {"ncnn", "prompt_toolkit", "textual", "llvmlite"}
"""Of these, what is nobody's promise is used."""


def test_every_library_has_an_oldest_version_that_is_tested() -> None:
    lines = map(Requirement, oldest(stated()))
    pinned = {line.name: [bound.version for bound in line.specifier] for line in lines}
    assert {"ncnn", "numpy", "llguidance", "uvicorn"} < pinned.keys()
    for requirement in stated():
        (version,) = pinned[requirement.name]
        assert version in requirement.specifier


def test_what_is_relied_on_beyond_its_promises_has_an_upper_bound() -> None:
    bounded = {each.name for each in stated() if any(b.operator == "<" for b in each.specifier)}
    assert bounded >= RELIED_ON


@pytest.mark.skipif(not (shutil.which("make") and CI.exists()), reason="no make, or no CI's file")
def test_ci_checks_with_the_newest_and_the_oldest_and_asks_for_holes() -> None:
    lines = CI.read_text().splitlines()
    assert [line.split()[1] for line in lines if line.startswith("make")] == GOALS
    newest, oldest_ones = (
        subprocess.run(
            ["make", "--no-print-directory", "-n", goal],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env={name: value for name, value in os.environ.items() if "MAKE" not in name},
        ).stdout
        for goal in GOALS
    )
    assert "python -m tests.audit" in newest
    assert re.search(r"bin/pytest$", newest, re.MULTILINE)
    tested = oldest_ones.partition("bin/pytest ")[2].replace("\\", "").split()
    assert len(tested) > 5
    assert [each for each in tested if not (ROOT / each).exists()] == []
    rules = (ROOT / "Makefile").read_text()
    assert "tests.lowest > $(OLDEST)/constraints.txt" in rules
    assert "--constraint $(OLDEST)/constraints.txt" in rules


def audit(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Run it with a program in the place of the one that asks for advisories."""
    (folder / "pip_audit.py").write_text(program)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "tests.audit"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_where_nobody_can_be_asked_for_holes_it_says_so(tmp_path: Path) -> None:
    done = audit(tmp_path, "raise SystemExit('no network')")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "audit: skipped, no database of advisories answers\n"


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        *(("numpy", True), ("jinja2", True), ("pygments", True), ("uvicorn", True)),
        *(("llguidance", True), ("pytest", False), ("unheard-of", False)),
    ],
)
def test_a_hole_in_what_it_stands_on_fails_the_check(tmp_path: Path, name: str, ours: bool) -> None:
    hole = {"id": "CVE-1", "fix_versions": ["2"]}
    found = [{"name": each, "version": "1", "vulns": [hole]} for each in (name, "rich")]
    found[1]["vulns"] = []
    done = audit(tmp_path, f"print({json.dumps({'dependencies': found})!r})")
    assert done.returncode == ours, done.stderr
    assert (f"{name} 1: CVE-1, mended in ['2']" in done.stdout) is ours
