"""A Hub of one's own, for the tests of this room."""

from __future__ import annotations

import pytest

from tests.convert.hub.tiny_repo import FILES, NOT_NEEDED
from tests.hub_server import Hub, Repo
from tests.hub_server import hub as hub


@pytest.fixture
def tiny(hub: Hub) -> Hub:
    hub.repos["owner/tiny"] = Repo(FILES | NOT_NEEDED)
    return hub
