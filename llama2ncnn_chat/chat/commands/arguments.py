"""Parses what several commands have as an argument. Knows text alone."""

from __future__ import annotations

from ..option import number

_from_one = number(int, 1)


EMPTY = ('""', "''")
"""What is typed for a text that is empty."""


def count(text: str, default: int) -> int:
    """Read a number from 1 on, ``default`` if there is none. Raises ``UsageError``."""
    return int(_from_one(text.strip())) if text.strip() else default
