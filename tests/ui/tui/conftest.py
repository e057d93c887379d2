"""Terminals that are closed when a test is over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ui.tui.terminal import Terminal


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.child.close(force=True)
