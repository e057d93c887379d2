"""What several commands do with their argument. Knows text alone."""

from __future__ import annotations

from ...errors import UsageError


def number(text: str, default: int) -> int:
    """A number from one on. Raises ``UsageError``."""
    if not text.strip():
        return default
    if not text.strip().isdecimal() or int(text) < 1:
        raise UsageError(f"{text.strip()!r} is not a number from 1 on")
    return int(text)
