"""The line editor typed into while its output goes to files, which are for replies alone."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from tests.ui.repl.terminal import ROOT, SCRIPT

pexpect = pytest.importorskip("pexpect")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")


@pytest.mark.parametrize("errors_to", ["", "2> errors"])
def test_no_label_goes_into_a_file(tmp_path: Path, errors_to: str) -> None:
    command = f"{shlex.join([sys.executable, str(SCRIPT), '--plain'])} > replies {errors_to}"
    child = pexpect.spawn(
        *("sh", ["-c", command]),
        cwd=str(tmp_path),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        encoding="utf-8",
    )
    child.send("hello\nyou\n\x04")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert (tmp_path / "replies").read_text() == "You said hello.\nYou said you.\n"
    assert ("> " in child.before) is (not errors_to)
