"""A line editor in a pseudo-terminal, ready for what is typed."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.ui.repl.terminal import Terminal


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    terminal.prompt()
    yield terminal
    terminal.child.kill(signal.SIGKILL)
    terminal.child.close()
