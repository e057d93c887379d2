"""What of a typed line is a command and what a message: one slash, or two.

Knows text alone; which commands there are, ``commands`` does.
"""

from __future__ import annotations


def is_command(line: str) -> bool:
    """Whether a line is for the program and not for the model."""
    return line.startswith("/") and not line.startswith("//")


def as_message(text: str) -> str:
    """The line that sends this text, whatever it begins with."""
    return f"/{text}" if text.startswith("/") else text


def message_in(line: str) -> str:
    """The text that such a line sends."""
    return line.removeprefix("/")
