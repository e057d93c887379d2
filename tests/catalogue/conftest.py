"""A Hub of one's own, for the tests of this room."""

from __future__ import annotations

from tests.hub_server import hub as hub
